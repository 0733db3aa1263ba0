"""The options that say which grid is asked for, and how the scan was made."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..image.grid import Target
from ..physics.protocols import PROTOCOLS
from ..pipeline.planning import check_statement
from ._options import numbers


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add --factor, --spacing and --isotropic, of which one may be given."""
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--factor",
        type=numbers,
        metavar="F",
        help="so many times finer: 2, or one an axis as in 1,1,4; need not be whole",
    )
    target.add_argument(
        "--spacing", type=numbers, metavar="MM", help="voxels of this size: 0.8, or one an axis"
    )
    target.add_argument(
        "--isotropic",
        action="store_true",
        help="the scan's finest spacing on all axes (the default if it is anisotropic)",
    )


def target_of(args: argparse.Namespace) -> Target | None:
    """The target that was asked for; None for the default."""
    if args.factor:
        return Target.factor(args.factor)
    if args.spacing:
        return Target.spacing(args.spacing)
    return Target.isotropic() if args.isotropic else None


def planned_of(args: argparse.Namespace) -> dict[str, Any]:
    """The settings target and acquisition, by name."""
    return {"target": target_of(args), "acquisition": args.acquisition}


def add_acquisition(
    parser: argparse.ArgumentParser, words: Sequence[str] = (), lead: str = "how the scan was made: "
) -> None:
    """Add --acquisition: how the scan was made.

    Args:
        parser: gets it.
        words: what may be said instead of a statement; the first is the default.
        lead: what comes before the list of statements.
    """

    def statement(text: str) -> str:
        if text in words:
            return text
        try:
            return check_statement(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    parser.add_argument(
        "--acquisition",
        type=statement,
        default=words[0] if words else None,
        metavar="|".join([*words, "HOW"]),
        help=f"{lead}slices:MM (their thickness), kspace:FRACTION (zero-filled), blur:MM, interpolated:FACTOR or "
        f"spline:FACTOR, with @RAS or fewer letters for the axes; or as a protocol makes scans: {', '.join(PROTOCOLS)}",
    )
