"""`mrisr simulate`: a low-resolution scan from a good one."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..jobs import simulation
from ..physics.protocols import PROTOCOLS
from ..physics.stacks import STACKS, Motion
from . import JUDGE
from ._options import Subparsers, add_choice, add_progress, choice_of, monitor
from ._output import add_json, tell

GROUP = JUDGE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    summaries = {name: each.summary for name, each in PROTOCOLS.items()}
    summaries |= {name: each.summary for name, each in STACKS.items()}
    protocols = "\n".join(f"  {name:14} {summary}" for name, summary in summaries.items())
    parser = subparsers.add_parser(
        "simulate",
        help="make a low-resolution scan from a good one",
        description="Degrade a scan by a protocol, for teaching and testing.",
        epilog=f"protocols:\n{protocols}",
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="a scan or a folder with a DICOM series")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="the file to write")
    parser.add_argument(
        "--protocol", required=True, choices=sorted([*PROTOCOLS, *STACKS]), metavar="NAME", help="see below"
    )
    parser.add_argument(
        "--axis",
        type=int,
        choices=(0, 1, 2),
        help="of thick slices, the axis they are stacked along (default: anterior-posterior); of k-space truncation, the axis left whole",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of noise and motion")
    _add_stacks(parser)
    add_choice(parser)
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def _add_stacks(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "several scans, with the truth of the motion in the records beside them"
    )
    for name, text in (
        ("noise", "as a fraction of the peak, such as 0.02"),
        ("motion-mm", "how far the subject moves from the first scan to each other"),
        ("motion-degrees", "how far it turns"),
        ("slice-mm", "how far it moves from slice to slice"),
        ("slice-degrees", "how far it turns from slice to slice"),
    ):
        group.add_argument(f"--{name}", type=float, default=0.0, metavar="X", help=text)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    motion = Motion(args.motion_mm, args.motion_degrees, args.slice_mm, args.slice_degrees)
    request = simulation.Request(
        args.input,
        args.output,
        args.protocol,
        args.axis,
        args.seed,
        noise=args.noise,
        motion=motion,
        choice=choice_of(args),
    )
    done = simulation.run(request, monitor(args))
    files, spacing = ", ".join(map(str, done.outputs)), " x ".join(f"{s:.3g}" for s in done.spacing)
    tell(args, done, f"{files}: {' x '.join(map(str, done.shape))} voxels of {spacing} mm")
    return 0
