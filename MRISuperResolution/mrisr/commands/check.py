"""`mrisr check`: what to know about a scan before running a model on it."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..jobs import check
from ._options import Subparsers, add_choice, choice_of
from ._target import add_acquisition, add_target, target_of


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "check",
        help="what to know before enhancing a scan",
        description="Look for what makes a result worth less: interpolated or clipped scans, other modalities, factors and contrasts that "
        "the model was not trained for. Prints how the scan is taken to have been made, by whose word, and a sentence for each.",
    )
    parser.add_argument("scan", type=Path, metavar="SCAN", help="a file or a DICOM folder")
    parser.add_argument(
        "--model", metavar="NAME", help="see `mrisr models`; without it only the scan is looked at"
    )
    add_target(parser)
    add_acquisition(parser)
    add_choice(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    request = check.Request(args.scan, args.model, target_of(args), args.acquisition, choice=choice_of(args))
    found = check.run(request)
    print(f"acquisition: {found.acquisition}")
    for warning in found.warnings:
        print(f"{warning.code}: {warning.sentence}")
    if not found.warnings:
        print("Nothing speaks against it.")
    return 0
