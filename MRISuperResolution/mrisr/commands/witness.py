"""`mrisr witness`: what another stack of the same subject says of a result."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..codec import encode
from ..compute.device import DEVICES
from ..image.replacement import replacing
from ..jobs import witness
from . import JUDGE
from ._options import Subparsers, add_choice, add_progress, choice_of, monitor
from ._output import add_json, add_written, tell

GROUP = JUDGE

EXAMPLES = """\
examples:
  mrisr witness enhanced.nii.gz axial.nii.gz coronal.nii.gz
  mrisr witness enhanced.nii.gz axial/ coronal/ --map agreement.nii.gz --output said.json      two DICOM folders
"""


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "witness",
        help="ask another stack of the same subject which of the added detail it confirms",
        description="Place another stack of the same subject and contrast on the scan (rigidly), scan it out of the result and of plain "
        "interpolation, and say which share of the detail that the result adds it confirms: 1 is all of it, 0.5 no nearer to the truth "
        "than interpolation, 0 invented. The gain is in dB, by how much the result predicts the stack better.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="what `mrisr enhance` made of SCAN")
    parser.add_argument("scan", type=Path, metavar="SCAN", help="what was enhanced")
    parser.add_argument(
        "stack", type=Path, metavar="STACK", help="a scan in another direction: a file or a DICOM folder"
    )
    parser.add_argument(
        "--map",
        type=Path,
        metavar="FILE",
        help="write where the stack confirms (1) and contradicts (-1) the result; 0 where it cannot tell",
    )
    parser.add_argument(
        "--acquisition", metavar="HOW", help="how STACK was made, see `mrisr enhance`; found out without it"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="auto takes cuda or cpu")
    add_written(parser, "--output", metavar="FILE.json", help="the numbers and the sentence")
    add_choice(parser)
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    request = witness.Request(
        args.result,
        args.scan,
        args.stack,
        args.map,
        args.acquisition,
        device=args.device,
        choice=choice_of(args),
    )
    found = witness.run(request, monitor(args))
    said = found.testimony
    numbers = (
        f"gain over plain interpolation {said.gain_db:+.2f} ± {said.gain_error:.2f} dB, "
        f"share confirmed {said.share:.2f} ± {said.error:.2f}"
    )
    placed = f"The stack was turned by {found.degrees:.1f}° and moved by {found.mm:.1f} mm. {found.basis}"
    tell(args, found, said.sentence, numbers, placed)
    if args.output:
        with replacing(args.output) as partial:
            partial.write_text(json.dumps(encode(found), indent=1) + "\n", encoding="utf-8")
    return 0
