"""`mrisr evaluate --own`: which model is best on the very scan, without a reference."""

from __future__ import annotations

import argparse

from ..codec import encode
from ..errors import InputError
from ..evaluation.scores import DEFAULT, TOLD
from ..jobs import trial
from ._options import choices_of, monitor, settings_of
from ._output import tell
from ._rows import write_rows
from ._target import add_acquisition, add_target, target_of


def add_trial(parser: argparse.ArgumentParser) -> None:
    """Add --own, the target planned for the scan, and what is known of the acquisition."""
    parser.add_argument(
        "--own",
        action="store_true",
        help="degrade each scan once more by its own acquisition; without --model, every model that fits",
    )
    add_target(parser)
    add_acquisition(
        parser,
        words=(DEFAULT, TOLD),
        lead="what is known of how the degraded scan was made: nothing, so that the product does what it does by itself (default), the "
        "protocol's own acquisition (told), or a statement; with --own, how the scan itself was made. Statements: ",
    )


def run_trial(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    if args.acquisition == TOLD:
        raise InputError(
            "With --own no protocol tells how the scan was made: state it, as in slices:3, or leave it out."
        )
    stated = None if args.acquisition == DEFAULT else args.acquisition
    settings = settings_of(args, target=target_of(args), acquisition=stated)
    watch, rows = monitor(args), []
    for path, choice in zip(args.scans, choices_of(args, len(args.scans)), strict=True):
        done = trial.run(trial.Request(path, tuple(args.model) or None, settings, choice), watch)
        tell(args, {"scan": path, **vars(done)}, done.table, done.sentence)
        rows += encode(done.rows)
    if args.output:
        write_rows(args.output, rows)
    return 0
