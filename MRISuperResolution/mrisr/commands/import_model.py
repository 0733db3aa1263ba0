"""`mrisr import-model`: a checkpoint of another program as a model of one's own."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..errors import FileError
from ..models.card import CARD
from ..models.catalog import USER_FOLDERS
from . import MAKE
from ._options import Subparsers, add_progress
from ._output import add_json, add_overwrite, check_new, tell

GROUP = MAKE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "import-model",
        help="use an mDCSRN checkpoint trained elsewhere",
        description="Turn a checkpoint of the public mDCSRN reproduction (a PyTorch state dict) into a model. Only tensors are read "
        f"from the file; no code in it is run. The model is written into --output, or into the first folder of {USER_FOLDERS}.",
    )
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT.pt")
    parser.add_argument("name", metavar="NAME", help="the model's name")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="the folder of models to write into"
    )
    parser.add_argument("--license", default="unknown", metavar="SPDX", help="license of the weights")
    add_progress(parser)
    add_json(parser)
    add_overwrite(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    from ..families.mdcsrn.checkpoints import import_mdcsrn

    folders = (
        [args.output]
        if args.output
        else [Path(p) for p in os.environ.get(USER_FOLDERS, "").split(os.pathsep) if p]
    )
    if not folders:
        raise FileError(
            f"Say where your models live: --output FOLDER, or the environment variable {USER_FOLDERS}."
        )
    check_new(args, folders[0] / args.name / CARD)
    written = import_mdcsrn(args.checkpoint, args.name, folders[0] / args.name, args.license)
    tell(args, {"model": args.name, "folder": written}, str(written))
    return 0
