"""`mrisr dicom`: a result as a derived DICOM series."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..jobs import dicom
from ._options import Subparsers, add_progress, monitor


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "dicom",
        help="export a result as a derived DICOM series",
        description="Write a result as a DICOM series of the same patient and study as the scan it was made from, marked as derived "
        "and not for diagnosis.",
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="what `mrisr enhance` made of the series")
    parser.add_argument(
        "source", type=Path, metavar="SOURCE_FOLDER", help="the DICOM series that was enhanced"
    )
    parser.add_argument("output", type=Path, metavar="OUT_FOLDER", help="an empty or new folder")
    add_progress(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    done = dicom.run(dicom.Request(args.result, args.source, args.output), monitor(args.progress))
    print(f"{done.output}: {done.files} slices, {done.description!r}")
    return 0
