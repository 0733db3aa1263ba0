"""The subcommands of `mrisr`, one file each: `add(subparsers)` describes it and sets `run` to the function that does it."""
