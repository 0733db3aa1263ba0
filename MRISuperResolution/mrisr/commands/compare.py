"""`mrisr compare`: a result against a good scan of the same subject."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..codec import encode
from ..jobs import comparison
from ._options import Subparsers, add_choice, add_progress, choices_of, monitor
from ._rows import write_rows


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
    parser.add_argument("--error", type=Path, metavar="FILE", help="write result minus reference")
    parser.add_argument(
        "--aligned", type=Path, metavar="FILE", help="write the reference on the result's grid"
    )
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="the rows, one a volume")
    add_choice(parser, "REFERENCE and --scan")
    add_progress(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    choices = choices_of(args, 2 if args.scan else 1)
    request = comparison.Request(args.result, args.reference, args.scan, args.error, args.aligned, *choices)
    found = comparison.run(request, monitor(args.progress))
    print(found.table)
    print(found.sentence)
    if args.output:
        write_rows(args.output, encode(found.rows))
    return 0
