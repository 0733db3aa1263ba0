"""The options that say which grid and which part of the scan are asked for, and how the scan was made."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..image.grid import Target
from ..physics.protocols import PROTOCOLS
from ..pipeline.planning import check_statement
from ..pipeline.settings import Region
from ._options import numbers


def add_target(
    parser: argparse.ArgumentParser,
    finest: str = "the scan's finest spacing on all axes (the default if it is anisotropic)",
    *,
    several: bool = False,
) -> None:
    """Add --factor, --spacing and --isotropic, of which one may be given.

    Args:
        parser: gets them.
        finest: what --isotropic means.
        several: whether scans of different spacing become one volume, which is no so many times finer than they are.
    """
    target = parser.add_mutually_exclusive_group()
    if several:
        parser.set_defaults(factor=None)
    else:
        target.add_argument(
            "--factor",
            type=numbers,
            metavar="F",
            help="so many times finer: 2, or one an axis as in 1,1,4; need not be whole",
        )
    target.add_argument(
        "--spacing", type=numbers, metavar="MM", help="voxels of this size: 0.8, or one an axis"
    )
    target.add_argument("--isotropic", action="store_true", help=finest)


def add_region(parser: argparse.ArgumentParser) -> None:
    """Add --region."""
    parser.add_argument(
        "--region",
        type=region,
        metavar="BOX",
        help="only this box of the scan, in its voxels along i,j,k, without the last: 10:60,0:80,5:30; an end that is left out is the "
        "scan's, as in :,:,5:30",
    )


def region(text: str) -> Region:
    """A box of voxels from text.

    Example:
        >>> region(":,10:60,5:")
        ((0, 10, 5), (None, 60, None))
    """
    ends = re.fullmatch(",".join([r"(\d*):(\d*)"] * 3), text.replace(" ", ""))
    if not ends:
        raise argparse.ArgumentTypeError(f"{text!r} is no box such as 10:60,0:80,5:30 or :,:,5:30")
    (i, a), (j, b), (k, c) = zip(ends.groups()[::2], ends.groups()[1::2], strict=True)
    stop = [int(each) if each else None for each in (a, b, c)]
    return (int(i or 0), int(j or 0), int(k or 0)), (stop[0], stop[1], stop[2])


def target_of(args: argparse.Namespace) -> Target | None:
    """The target that was asked for; None for the default."""
    if args.factor:
        return Target.factor(args.factor)
    if args.spacing:
        return Target.spacing(args.spacing)
    return Target.isotropic() if args.isotropic else None


def planned_of(args: argparse.Namespace) -> dict[str, Any]:
    """The settings target, acquisition and, where the command has it, region, by name."""
    found = {"target": target_of(args), "acquisition": args.acquisition}
    return found | {"region": args.region} if hasattr(args, "region") else found


def add_acquisition(
    parser: argparse.ArgumentParser,
    words: Sequence[str] = (),
    lead: str = "how the scan was made: ",
    *,
    several: bool = False,
) -> None:
    """Add --acquisition: how the scan was made.

    Args:
        parser: gets it.
        words: what may be said instead of a statement; the first is the default.
        lead: what comes before the list of statements.
        several: whether it may be given several times, which makes a list.
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
        action="append" if several else "store",
        default=words[0] if words else None,
        metavar="|".join([*words, "HOW"]),
        help=f"{lead}slices:MM (their thickness), kspace:FRACTION (zero-filled), blur:MM, interpolated:FACTOR or "
        f"spline:FACTOR, with @RAS or fewer letters for the axes; or as a protocol makes scans: {', '.join(PROTOCOLS)}",
    )
