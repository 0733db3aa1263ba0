"""`mrisr simulate`: a low-resolution scan from a good one."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..jobs import simulation
from ..physics.protocols import PROTOCOLS
from ._options import Subparsers, add_choice, add_progress, choice_of, monitor


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    protocols = "\n".join(f"  {p.name:14} {p.summary}" for p in PROTOCOLS.values())
    parser = subparsers.add_parser(
        "simulate",
        help="make a low-resolution scan from a good one",
        description="Degrade a scan by a protocol, for teaching and testing.",
        epilog=f"protocols:\n{protocols}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="a scan or a folder with a DICOM series")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="the file to write")
    parser.add_argument(
        "--protocol", required=True, choices=sorted(PROTOCOLS), metavar="NAME", help="see below"
    )
    parser.add_argument(
        "--axis",
        type=int,
        choices=(0, 1, 2),
        help="of thick slices, the axis they are stacked along (default: anterior-posterior); of k-space truncation, the axis left whole",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise")
    add_choice(parser)
    add_progress(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    request = simulation.Request(
        args.input, args.output, args.protocol, args.axis, args.seed, choice_of(args)
    )
    done = simulation.run(request, monitor(args.progress))
    print(
        f"{args.output}: {' x '.join(map(str, done.shape))} voxels of {' x '.join(f'{s:.3g}' for s in done.spacing)} mm"
    )
    return 0
