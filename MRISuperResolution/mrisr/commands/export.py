"""`mrisr export`: a trained network as a model that everybody can use."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..models.card import CARD
from ..models.catalog import USER_FOLDERS, roots
from . import MAKE
from ._bars import say
from ._options import COMPUTATION, Subparsers, add_progress, add_settings, monitor, settings_of
from ._output import add_json, add_overwrite, check_new, tell

GROUP = MAKE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "export",
        help="make a model of a training run",
        description="Write a training run's averaged weights, in half precision unless told otherwise, and a card with the training's "
        "data and recipe and the quality measured on the run's validation scans.",
    )
    parser.add_argument(
        "run_folder", type=Path, metavar="RUN", help="a run's folder, such as runs/edsr3d-iso2"
    )
    parser.add_argument("name", metavar="NAME", help="the model's name")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="the folder of models to write into (default: models)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where the validation scans lie now, if they were moved"
    )
    parser.add_argument(
        "--unmeasured",
        action="store_true",
        help="leave the card without measured quality, and without claims",
    )
    parser.add_argument(
        "--best", action="store_true", help="the weights of the best validation, not the last"
    )
    parser.add_argument(
        "--eight-bit",
        action="store_true",
        help="store weights in 8 bits with a scale for each output channel: half the size, 0.02 dB at most",
    )
    add_settings(parser, COMPUTATION)
    add_progress(parser)
    add_json(parser)
    add_overwrite(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    from ..training.export import MODELS, export_run

    folder = (args.output or MODELS) / args.name
    check_new(args, folder / CARD)
    written = export_run(
        args.run_folder,
        args.name,
        folder,
        data=args.data,
        measured=not args.unmeasured,
        best=args.best,
        dtype="int8" if args.eight_bit else "float16",
        settings=settings_of(args),
        monitor=monitor(args),
    )
    tell(args, {"model": args.name, "folder": written}, str(written))
    if folder.parent.absolute() not in roots():
        say(f"To use it, let {USER_FOLDERS} name {folder.parent.absolute()}.")
    return 0
