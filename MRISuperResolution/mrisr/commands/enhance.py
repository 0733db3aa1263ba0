"""`mrisr enhance`: a scan or a folder of scans in, enhanced volumes out."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..errors import FileError
from ..image.files import WRITABLE, check_writable, is_dicom, suffix_of, write_volume
from ..jobs.batch import Outcome, enhance_all, enhance_file, jobs_of
from ..pipeline.enhancement import Settings
from ..pipeline.proposal import AUTO
from ..pipeline.provenance import STATEMENT, sidecar_of
from ..progress import Monitor
from ._options import Subparsers, add_compute, add_progress, add_runs, monitor, settings_of
from ._target import add_acquisition, add_target, target_of

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
    parser.add_argument("input", type=Path, metavar="INPUT", help="a scan, a folder with a DICOM series, or a folder of scans")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help=f"a file ({', '.join(WRITABLE)}); for a folder of scans, a folder")
    parser.add_argument("--model", default=AUTO, metavar="NAME", help="see `mrisr models` (default: auto, the best one, with its reason)")
    add_target(parser)
    add_acquisition(parser)
    add_runs(parser)
    parser.add_argument("--detail", type=float, default=1.0, metavar="X", help="1 the model's result, 0 plain interpolation (default: 1)")
    parser.add_argument("--residual", type=Path, metavar="FILE", help="write what the result, scanned again, differs by from the scan")
    parser.add_argument("--spread", type=Path, metavar="FILE", help="write the standard deviation of the samples (N is 8 unless given)")
    parser.add_argument("--keep-type", action="store_true", help="write the scan's own voxel type (integers are rounded), not float32")
    add_compute(parser)
    add_progress(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    watch = monitor(args.progress)
    settings = _settings(args)
    if args.spread:
        check_writable(args.spread)
    if args.input.is_dir() and not is_dicom(args.input):
        return _folder(args, settings, watch)
    result = enhance_file(
        args.input, args.output, settings, residual=args.residual, keep_type=args.keep_type, monitor=watch
    )
    if args.spread and result.spread:
        write_volume(result.spread, args.spread)
    record = result.provenance
    shape = " x ".join(map(str, result.volume.shape))
    how = f"{record['model']} on {record['device']}, {record['seconds']:.1f} s"
    print(f"{args.output}: {shape} voxels, {how}; see {sidecar_of(args.output)}")
    print(f"{record['trust']['color'].capitalize()}: {record['trust']['sentence']}")
    return 0


def _settings(args: argparse.Namespace) -> Settings:
    return replace(
        settings_of(args),
        model=args.model,
        target=target_of(args),
        acquisition=args.acquisition,
        detail=args.detail,
        residual=args.residual is not None,
        samples=8 if args.spread and args.samples < 2 else args.samples,
    )


def _folder(args: argparse.Namespace, settings: Settings, watch: Monitor) -> int:
    if suffix_of(args.output) in WRITABLE or args.residual or args.spread:
        raise FileError(f"{args.input} is a folder of scans: give a folder as output, and neither --residual nor --spread.")
    jobs = jobs_of(args.input, args.output)
    if not jobs:
        raise FileError(f"{args.input} holds no scans; choose a folder with scans or with the slices of a DICOM series.")
    outcomes = enhance_all(jobs, settings, monitor=watch, report=_report, keep_type=args.keep_type)
    return 2 if any(outcome.state == "failed" for outcome in outcomes) else 0


def _report(outcome: Outcome) -> None:
    reason = f" ({outcome.message})" if outcome.message else ""
    print(f"{outcome.source.name}: {outcome.state}{reason}", flush=True)
