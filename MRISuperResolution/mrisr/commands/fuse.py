"""`mrisr fuse`: several thick scans of one subject in, one isotropic volume out."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import InputError
from ..fusion.settings import BETWEEN, FIELDS, REGISTER, TAUGHT, FusionSettings
from ..image.files import WRITABLE
from ..jobs import fusion
from ..pipeline.provenance import STATEMENT
from ..pipeline.sidecar import sidecar_of
from . import USE
from ._options import Subparsers, add_choice, add_model, add_progress, add_settings, choices_of, monitor
from ._output import add_json, add_written, tell
from ._target import add_acquisition, add_target, target_of

GROUP = USE

EXAMPLES = """\
examples:
  mrisr fuse axial.nii.gz sagittal.nii.gz coronal.nii.gz fused.nii.gz
  mrisr fuse axial/ coronal/ fused.nii.gz --spacing 0.8 --acquisition slices:4       two DICOM folders
  mrisr fuse a.nii.gz b.nii.gz c.nii.gz fused.nii.gz --motion slices --coverage seen.nii.gz --spread doubt.nii.gz
"""


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "fuse",
        help="fuse thick scans of one subject in different directions into one isotropic volume",
        description="Fuse scans of one subject, each thick in another direction, into one volume: what one lacks another measured. "
        "The result lies where the reference does, in its units; a .json beside it names all scans and says how well each agrees. "
        + STATEMENT,
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "scans", type=Path, nargs="+", metavar="SCAN", help="two or more scans or folders with a DICOM series"
    )
    add_written(parser, "output", metavar="OUTPUT", help=f"a file ({', '.join(WRITABLE)})")
    add_target(parser, "the finest spacing of all scans on every axis (the default)", several=True)
    _add_field(parser)
    add_acquisition(parser, lead="how the scans were made, once for all or once for each: ", several=True)
    add_model(
        parser,
        TAUGHT,
        "draw the result to what this model makes of each scan alone (default: auto, filters taught on fused volumes; none: nothing)",
    )
    _add_agreement(parser)
    add_settings(parser, ("device",))
    add_written(parser, "--coverage", metavar="FILE", help="write how many scans see each voxel")
    add_written(
        parser,
        "--spread",
        metavar="FILE",
        help="write the standard deviation of the results without each scan in turn",
    )
    add_choice(parser, "SCAN")
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def _add_field(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--field",
        choices=FIELDS,
        default="reference",
        help="what is covered: the reference's field of view, that of all scans, or what they have in common",
    )
    parser.add_argument(
        "--reference", type=int, default=1, metavar="N", help="which scan gives place and units (default: 1)"
    )


def _add_agreement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--register",
        choices=REGISTER,
        default="rigid",
        help="none: believe where the headers place the scans",
    )
    parser.add_argument(
        "--motion", choices=BETWEEN, default="none", help="slices: place each slice by itself"
    )
    parser.add_argument(
        "--cross-contrast",
        action="store_true",
        help="the scans differ in contrast: register them nevertheless",
    )


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    if len(args.scans) < 2:
        raise InputError("Fusing needs at least two scans and the name of the result, in this order.")
    settings = FusionSettings(
        target=None if args.isotropic else target_of(args),
        acquisition=None if args.acquisition is None else tuple(args.acquisition),
        model=args.model,
        register=args.register,
        reference=args.reference,
        motion=args.motion,
        field=args.field,
        cross_contrast=args.cross_contrast,
        device=args.device,
    )
    request = fusion.Request(
        tuple(args.scans),
        args.output,
        settings,
        args.coverage,
        args.spread,
        choices=tuple(choices_of(args, len(args.scans))),
    )
    done = fusion.run(request, monitor(args))
    record = done.provenance
    shape = " x ".join(map(str, done.shape))
    lines = [f"{args.output}: {shape} voxels, {record['seconds']:.1f} s; see {sidecar_of(args.output)}"]
    for each in record["inputs"]:
        trust = each["trust"]
        lines.append(f"{each['input']}: {trust['color']}, ratio {trust['ratio']:.2f}. {trust['sentence']}")
    tell(args, done, *lines)
    return 0
