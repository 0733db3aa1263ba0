"""What commands share that measure a model on scans whose truth is known."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ..image.files import read_volume
from ..image.volume import Volume
from ._options import COMPUTATION, add_choice, add_progress, add_settings, choice_of, model_named
from ._output import add_json


def add_model_and_scans(parser: argparse.ArgumentParser, scans: str) -> None:
    """Add MODEL and SCAN …, what the scans are for as told.

    Args:
        parser: of the command.
        scans: their help.
    """
    parser.add_argument("model", type=model_named, metavar="MODEL", help="see `mrisr models`")
    parser.add_argument("scans", type=Path, nargs="+", metavar="SCAN", help=scans)


def add_measuring(
    parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int], written: str
) -> None:
    """Add --box, which `box_of` obeys, --card, and what all commands have.

    Args:
        parser: of the command.
        run: what the command does.
        written: what --card writes into the model's card.
    """
    parser.add_argument(
        "--box", type=int, metavar="N", help="only the middle N voxels of each axis, for want of time"
    )
    parser.add_argument("--card", action="store_true", help=f"write {written} into the model's card")
    add_choice(parser)
    add_settings(parser, COMPUTATION)
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def box_of(path: Path, args: argparse.Namespace) -> Volume:
    """A scan, or its middle if --box says so."""
    from ..evaluation.calibration import middle

    return middle(read_volume(path, choice_of(args)), args.box)
