"""`mrisr enhance`: a scan or a folder of scans in, enhanced volumes out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import FileError
from ..image.files import WRITABLE, nothing_in, suffix_of
from ..image.series import holds_dicom
from ..jobs import batch, enhancement
from ..pipeline.provenance import STATEMENT
from ..pipeline.settings import AUTO, Settings
from ..pipeline.sidecar import sidecar_of
from ..progress import Monitor
from ._options import Subparsers, add_choice, add_progress, add_settings, choice_of, monitor, settings_of
from ._target import add_acquisition, add_target, planned_of

EXAMPLES = """\
examples:
  mrisr enhance flair.nii.gz flair_sr.nii.gz
  mrisr enhance flair.nii.gz flair_sr.nii.gz --model cubic --isotropic --acquisition slices:3
  mrisr enhance t1.nrrd t1_sr.nrrd --factor 2 --consistency 10 --residual misfit.nii.gz
  mrisr enhance dicom_folder/ out.nii.gz --spacing 0.8
  mrisr enhance scans/ enhanced/          every scan of the folder; what is there already is skipped
"""


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "enhance",
        help="enhance a scan, a DICOM folder, or every scan of a folder",
        description="Enhance a scan. The result keeps the scan's place in space and its units; a .json beside it says how it was made. "
        + STATEMENT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "input", type=Path, metavar="INPUT", help="a scan, a folder with a DICOM series, or a folder of scans"
    )
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUTPUT",
        help=f"a file ({', '.join(WRITABLE)}); for a folder of scans, a folder",
    )
    parser.add_argument(
        "--model",
        default=AUTO,
        metavar="NAME",
        help="see `mrisr models` (default: auto, the best one, with its reason)",
    )
    add_target(parser)
    add_acquisition(parser)
    add_settings(parser)
    parser.add_argument(
        "--residual",
        type=Path,
        metavar="FILE",
        help="write what the result, scanned again, differs by from the scan",
    )
    parser.add_argument(
        "--spread",
        type=Path,
        metavar="FILE",
        help="write the standard deviation of the samples (N is 8 unless given)",
    )
    parser.add_argument(
        "--keep-type",
        action="store_true",
        help="write the scan's own voxel type (integers are rounded), not float32",
    )
    add_choice(parser)
    add_progress(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    watch = monitor(args.progress)
    settings = settings_of(args, model=args.model, **planned_of(args))
    if args.input.is_dir() and not holds_dicom(args.input):
        return _folder(args, settings, watch)
    request = enhancement.Request(
        args.input, args.output, settings, args.residual, args.spread, args.keep_type, choice_of(args)
    )
    done = enhancement.run(request, watch)
    record = done.provenance
    shape = " x ".join(map(str, done.shape))
    how = f"{record['model']} on {record['device']}, {record['seconds']:.1f} s"
    print(f"{args.output}: {shape} voxels, {how}; see {sidecar_of(args.output)}")
    print(f"{record['trust']['color'].capitalize()}: {record['trust']['sentence']}")
    return 0


def _folder(args: argparse.Namespace, settings: Settings, watch: Monitor) -> int:
    pairs = batch.pairs_in(args.input, args.output)
    if not pairs:
        raise FileError(nothing_in(args.input))
    if suffix_of(args.output) in WRITABLE or args.residual or args.spread:
        raise FileError(
            f"{args.input} is a folder of scans: give a folder as output, and neither --residual nor --spread."
        )
    left = [
        p.name
        for p in sorted(args.input.iterdir())
        if p.is_dir() and not p.name.startswith(".") and p not in [source for source, _ in pairs]
    ]
    if left:
        watch.log(f"Sub-folders are not searched: {', '.join(left[:3])}{', …' * (len(left) > 3)}.")
    inputs, outputs = zip(*pairs, strict=True)
    done = batch.run(
        batch.Request(inputs, outputs, settings, args.keep_type, choice=choice_of(args)), watch, _report
    )
    return 2 if any(outcome.state == "failed" for outcome in done.outcomes) else 0


def _report(event: str, /, **outcome: Any) -> None:
    if event != "scan":
        return
    reason = f" ({outcome['message']})" if outcome["message"] else ""
    print(f"{outcome['input'].name}: {outcome['state']}{reason}", flush=True)
