"""`mrisr calibrate`: whether the spread of a model's samples is as large as its errors."""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from ..image.files import read_volume, stem_of
from ..models.catalog import amended, find, load_model
from ..physics.protocols import protocol_named
from . import JUDGE
from ._measuring import add_measuring, add_model_and_scans
from ._options import Subparsers, choice_of, monitor, settings_of
from ._output import tell

if TYPE_CHECKING:
    from ..evaluation.calibration import Errors

GROUP = JUDGE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "calibrate",
        help="measure how honest the spread of a model's samples is",
        description="Degrade scans, restore them with several samples, and compare the samples' standard deviation and their mean's "
        "error. One factor for the standard deviation is fitted on some scans (--fit) and judged on others. Prints a Markdown table, with "
        "the gain over cubic interpolation and the energy of fine detail over the reference's, of the mean and of a single sample.",
    )
    add_model_and_scans(parser, "to measure on")
    parser.add_argument(
        "--fit", type=Path, nargs="+", required=True, metavar="SCAN", help="other scans, to fit the factor on"
    )
    parser.add_argument(
        "--protocol", default="iso2", metavar="P", help="see `mrisr simulate --help` (default: iso2)"
    )
    parser.add_argument("--samples", type=int, default=8, metavar="N", help="of each scan (default: 8)")
    parser.add_argument(
        "--steps", type=int, metavar="N", help="of models that work in steps (default: the model's)"
    )
    add_measuring(parser, run, "factor and shares")


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    from ..evaluation.calibration import fitted_scale

    protocol_named(args.protocol)
    scale = fitted_scale(_measured(args, args.fit))
    found = _measured(args, args.scans)
    calibration = {
        "scale": round(scale, 4),
        "within_1sd": round(fmean(e.within(scale) for e in found), 4),
        "within_2sd": round(fmean(e.within(2 * scale) for e in found), 4),
        "protocol": args.protocol,
        "samples": args.samples,
        "fitted_on": [stem_of(path) for path in args.fit],
        "measured_on": [e.scan for e in found],
    }
    told = f"The standard deviation is multiplied by {scale:.3f}, fitted on {len(args.fit)} other scans."
    written = [str(amended(find(args.model), calibration=calibration))] if args.card else []
    tell(args, calibration, _table(found, scale), told, *written)
    return 0


def _measured(args: argparse.Namespace, paths: list[Path]) -> list[Errors]:
    from ..evaluation.calibration import measure

    model, watch, protocol = load_model(args.model), monitor(args), protocol_named(args.protocol)
    settings = settings_of(args)
    return [
        measure(stem_of(path), volume, protocol, model, settings, side=args.box, monitor=watch)
        for path, volume in ((path, read_volume(path, choice_of(args))) for path in paths)
    ]


def _table(found: list[Errors], scale: float) -> str:
    lines = [
        "| scan | within 1 sd | within 2 sd | gain of mean (dB) | gain of one (dB) | fine detail of mean | fine detail of one |",
        "|---|---|---|---|---|---|---|",
    ]
    for e in found:
        shares = f"{100 * e.within(scale):.1f} % | {100 * e.within(2 * scale):.1f} %"
        lines.append(
            f"| {e.scan} | {shares} | {e.gain:.2f} | {e.gain_single:.2f} | {e.fine:.3f} | {e.fine_single:.3f} |"
        )
    return "\n".join(lines)
