"""`mrisr calibrate-acquisition`: what the estimate of how a scan was made has learned, made again and judged."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..image.files import read_volume, stem_of
from . import MAKE
from ._options import Subparsers, add_choice, add_progress, choice_of, monitor
from ._output import add_json, tell

GROUP = MAKE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "calibrate-acquisition",
        help="fit and judge the estimate of how a scan was made",
        description="Simulate scans from sharp ones, coarse along all axes and with thick slices, with and without noise; fit the "
        "coefficients of the estimate (mrisr/physics/coefficients.py) and print them; and, for the scans after --judge, print how "
        "often it tells the right kind and how far off its widths are, as it is installed.",
    )
    parser.add_argument("scans", type=Path, nargs="*", metavar="SCAN", help="sharp scans, to fit on")
    parser.add_argument(
        "--judge", type=Path, nargs="+", default=[], metavar="SCAN", help="other sharp scans, to judge on"
    )
    parser.add_argument("--boxes", type=int, default=2, metavar="N", help="of each scan (default: 2)")
    add_choice(parser)
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    from ..evaluation.acquisitions import Sample, fitted, judged, samples

    watch = monitor(args)

    def made(paths: list[Path]) -> list[Sample]:
        found = []
        for number, path in enumerate(paths):
            watch.step("scans", number, len(paths))
            found += samples(stem_of(path), read_volume(path, choice_of(args)), args.boxes)
        return found

    found, lines = {}, []
    if args.scans:
        found = fitted(made(args.scans))
        names = ", ".join(stem_of(path) for path in args.scans)
        lines = [f"# fitted on {args.boxes} boxes each of {names}"]
        lines += [f"{name} = {value}" for name, value in found.items()]
    table = judged(made(args.judge)) if args.judge else ""
    tell(args, {"coefficients": found, "judged": table}, *lines, *filter(None, [table]))
    return 0
