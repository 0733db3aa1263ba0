"""`mrisr dicom`: a result as a derived DICOM series."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..jobs import dicom
from . import USE
from ._options import Subparsers, add_choice, add_progress, choice_of, monitor
from ._output import add_json, tell

GROUP = USE


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
        "source",
        type=Path,
        metavar="SOURCE",
        help="the DICOM series that was enhanced: its folder, or one of its files",
    )
    parser.add_argument("output", type=Path, metavar="OUT_FOLDER", help="an empty or new folder")
    add_choice(parser)
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    request = dicom.Request(args.result, args.source, args.output, choice=choice_of(args))
    done = dicom.run(request, monitor(args))
    tell(args, done, f"{done.output}: {done.files} slices, {done.description!r}")
    return 0
