"""The subcommands of `mrisr`, one file each: `add(subparsers)` describes it and sets `run` to the function that does it.

`GROUP` says under which of these titles `mrisr --help` lists it; without one it stands under the last.
"""

USE = "use models on scans"
JUDGE = "judge scans, models and results"
MAKE = "make models"
MORE = "more"
