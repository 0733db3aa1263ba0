"""`mrisr evaluate --own`: which model is best on the very scan, without a reference."""

from __future__ import annotations

import argparse

from ..codec import encode
from ..jobs import trial
from ._options import monitor, settings_of
from ._rows import write_rows
from ._target import add_acquisition, add_target, planned_of


def add_trial(parser: argparse.ArgumentParser) -> None:
    """Add --own, and the target and acquisition planned for the scan."""
    parser.add_argument(
        "--own",
        action="store_true",
        help="degrade each scan once more by its own acquisition; without --model, every model that fits",
    )
    add_target(parser)
    add_acquisition(parser)


def run_trial(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    settings = settings_of(args, **planned_of(args))
    watch, rows = monitor(args.progress), []
    for path in args.scans:
        done = trial.run(trial.Request(path, tuple(args.model) or None, settings), watch)
        print(done.table)
        print(done.sentence)
        rows += encode(done.rows)
    if args.output:
        write_rows(args.output, rows)
    return 0
