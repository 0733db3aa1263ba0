"""`mrisr enhance`: scans in, enhanced volumes out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import MISTAKE, FileError
from ..image.files import WRITABLE
from ..image.series import holds_dicom
from ..jobs import batch, enhancement
from ..pipeline.provenance import STATEMENT
from ..pipeline.settings import AUTO, Settings
from ..pipeline.sidecar import sidecar_of
from ..progress import Monitor
from . import USE
from ._bars import Whole
from ._options import (
    Subparsers,
    add_choice,
    add_model,
    add_progress,
    add_settings,
    choice_of,
    monitor,
    settings_of,
)
from ._output import add_json, add_overwrite, add_written, check_free, tell
from ._places import RULE, Places, places_of
from ._target import add_acquisition, add_region, add_target, planned_of
from ._workers import add_workers, workers_of

GROUP = USE

EXAMPLES = """\
examples:
  mrisr enhance flair.nii.gz                                    writes flair_sr.nii.gz beside it
  mrisr enhance flair.nii.gz result.nii.gz --isotropic --acquisition slices:3
  mrisr enhance t1.nrrd t1_sr.nrrd --factor 2 --consistency 10 --residual misfit.nii.gz
  mrisr enhance dicom_folder/ out.nii.gz --spacing 0.8 --region :,:,5:30
  mrisr enhance t1.nii.gz flair.nii.gz --output enhanced/       each keeps its name
  mrisr enhance 'sub-*/anat/*_T2w.nii.gz' --output enhanced/    what is there already is skipped
  mrisr enhance scans/ enhanced/                                every scan of the folder
"""


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "enhance",
        help="enhance scans, DICOM folders, or every scan of a folder",
        description="Enhance scans. A result keeps its scan's place in space and its units; a .json beside it says how it was made. "
        f"{STATEMENT}\n\n{RULE}",
        epilog=EXAMPLES,
        usage="mrisr enhance [options] SCAN [RESULT]\n       mrisr enhance [options] SCAN [SCAN ...] --output RESULT",
    )
    parser.add_argument(
        "names",
        nargs="+",
        metavar="SCAN",
        help=f"a file, a folder with a DICOM series, a folder of scans; of two names without --output, the second is the result "
        f"({', '.join(WRITABLE)}, or a folder)",
    )
    parser.add_argument(
        "-o", "--output", metavar="RESULT", help="a file for one scan, a folder for one or several"
    )
    add_overwrite(parser)
    add_model(parser, AUTO, "default: auto, the best one, with its reason")
    add_target(parser)
    add_region(parser)
    add_acquisition(parser)
    add_settings(parser)
    _add_maps(parser)
    add_choice(parser)
    add_workers(parser, jobs=None)
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def _add_maps(parser: argparse.ArgumentParser) -> None:
    add_written(
        parser,
        "--residual",
        metavar="FILE",
        help="write what the result, scanned again, differs by from the scan",
    )
    add_written(
        parser,
        "--spread",
        metavar="FILE",
        help="write the standard deviation of the samples (N is 8 unless given)",
    )
    add_written(
        parser,
        "--interval",
        metavar="FILE",
        help="write how far the truth may lie from the result: in 9 of 10 voxels of scans like this one it lay within plus and minus this",
    )
    parser.add_argument(
        "--keep-type",
        action="store_true",
        help="write the scan's own voxel type (integers are rounded), not float32",
    )


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    places = places_of(args.names, args.output, overwrite=args.overwrite)
    settings, watch = settings_of(args, model=args.model, **planned_of(args)), monitor(args)
    if places.several:
        return _several(args, places, settings, watch)
    scan, output = places.pairs[0]
    check_free(args, [output], scan)
    request = enhancement.Request(
        scan, output, settings, args.residual, args.spread, args.keep_type, choice_of(args), args.interval
    )
    done = enhancement.run(request, watch)
    record = done.provenance
    shape = " x ".join(map(str, done.shape))
    how = f"{record['model']} on {record['device']}, {record['seconds']:.1f} s"
    tell(
        args,
        {"input": str(scan), "state": "enhanced", **vars(done)},
        f"{output}: {shape} voxels, {how}; see {sidecar_of(output)}",
        f"{record['trust']['color'].capitalize()}: {record['trust']['sentence']}",
        *([record["interval"]["sentence"]] if args.interval else []),
    )
    return 0


def _several(args: argparse.Namespace, places: Places, settings: Settings, watch: Monitor) -> int:
    if args.residual or args.spread or args.interval:
        raise FileError("--residual, --spread and --interval are of one scan; enhance the scans one by one.")
    if apart := _left(places.folders, [scan for scan, _ in places.pairs]):
        watch.log(f"Sub-folders are not searched: {', '.join(apart[:3])}{', …' * (len(apart) > 3)}.")
    inputs, outputs = zip(*places.pairs, strict=True)
    request = batch.Request(
        inputs,
        outputs,
        settings,
        args.keep_type,
        overwrite=args.overwrite,
        choice=choice_of(args),
        workers=workers_of(args),
    )

    left = [path for path in outputs if args.overwrite or not path.exists()]
    whole = Whole(watch.progress, len(left))
    if len(left) > 1 and not args.verbose:
        watch = replace(watch, progress=whole)

    def report(event: str, /, **outcome: Any) -> None:
        if event == "scan":
            if outcome["state"] != "skipped":
                whole.advance()
            reason = f" ({outcome['message']})" if outcome["message"] else ""
            line = f"{outcome['input'].name}: {outcome['state']}{reason}"
            tell(args, outcome, line, wrong=outcome["state"] == "failed")

    done = batch.run(request, watch, report)
    failed = [each for each in done.outcomes if each.state == "failed"]
    return MISTAKE if failed else 0


def _left(folders: Sequence[Path], scans: Sequence[Path]) -> list[str]:
    """The sub-folders of folders of scans that hold no DICOM series."""
    return [
        each.name
        for folder in folders
        for each in sorted(folder.iterdir())
        if each.is_dir() and not each.name.startswith(".") and each not in scans and not holds_dicom(each)
    ]
