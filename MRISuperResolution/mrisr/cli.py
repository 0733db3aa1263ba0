"""The `mrisr` command. Each subcommand is one file of `commands`, found by listing the folder."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from . import commands
from .errors import Cancelled, MrisrError
from .provenance import STATEMENT, version

SUCCESS, MISTAKE, CANCELLED = 0, 2, 130


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="mrisr",
        description="Super-resolution of MRI scans: NIfTI, MGZ, NRRD, MetaImage or a DICOM folder in, an enhanced volume out.",
        epilog=f"{STATEMENT} Exit codes: 0 done, 2 something to mend, 130 cancelled.",
    )
    top.add_argument("--version", action="version", version=version())
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in sorted(m.name for m in pkgutil.iter_modules(commands.__path__) if not m.name.startswith("_")):
        importlib.import_module(f"{commands.__name__}.{module}").add(subparsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    args = parser().parse_args(argv)
    try:
        return int(args.run(args))
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled; nothing unfinished was left behind.", file=sys.stderr)
        return CANCELLED
    except MrisrError as error:
        print(f"mrisr: {error}", file=sys.stderr)
        return MISTAKE


if __name__ == "__main__":
    sys.exit(main())
