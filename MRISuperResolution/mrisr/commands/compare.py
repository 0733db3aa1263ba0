"""`mrisr compare`: a result against a good scan of the same subject."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..codec import encode
from ..jobs import comparison
from . import JUDGE
from ._options import Subparsers, add_choice, add_progress, choices_of, monitor
from ._output import add_json, add_written, tell
from ._rows import write_rows

GROUP = JUDGE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "compare",
        help="compare a result with a reference scan of the same subject",
        description="Register the reference to the result (rigidly), scale the result to it, and print the scores of `mrisr evaluate`.",
    )
    parser.add_argument("result", type=Path, metavar="RESULT")
    parser.add_argument(
        "reference", type=Path, metavar="REFERENCE", help="a good scan: a file or a DICOM folder"
    )
    parser.add_argument(
        "--scan",
        type=Path,
        metavar="FILE",
        help="what the result was made from: scores its interpolations as well",
    )
    add_written(parser, "--error", metavar="FILE", help="write result minus reference")
    add_written(parser, "--aligned", metavar="FILE", help="write the reference on the result's grid")
    add_written(parser, "-o", "--output", metavar="FILE.json", help="the rows, one a volume")
    add_choice(parser, "REFERENCE and --scan")
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    choices = choices_of(args, 2 if args.scan else 1)
    request = comparison.Request(args.result, args.reference, args.scan, args.error, args.aligned, *choices)
    found = comparison.run(request, monitor(args))
    tell(args, found, found.table, found.sentence)
    if args.output:
        write_rows(args.output, encode(found.rows))
    return 0
