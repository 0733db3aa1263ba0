"""`mrisr train`: weights from scans, as a configuration says."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from ..interruption import ASKED
from ..jobs import training
from ..models.discovery import families
from ..progress import Monitor
from ..training.trainers import trainable
from . import MAKE
from ._options import Subparsers, add_progress, add_settings, monitor
from ._output import add_json, tell

GROUP = MAKE

SECONDS = {"s": 1, "m": 60, "h": 3600}

RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
"""Where launchers leave the number of a process, in accelerate's order."""


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    runs = ", ".join(name for name, family in families().items() if family.packing)
    parser = subparsers.add_parser(
        "train",
        help="train a model from a configuration",
        description=f"Train as a TOML file says. Families: {', '.join(trainable())}. Of {runs} the run's folder is printed, which mrisr "
        "export makes a model of; the others write what they made. Ctrl-C stops a training so that --resume can go on. An option that a "
        "family has no use for is refused.",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help="see the folder configs")
    kept = f"where the result goes (not {runs}: of these mrisr export makes a model)"
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help=kept)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where the configuration's scans lie")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="for checkpoints and logs (default: runs/NAME here)"
    )
    ends = "how long it takes, all sittings together (default: what the configuration says)"
    parser.add_argument("--budget", type=duration, metavar="25m", help=ends)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FOLDER",
        help="write scans and start for a borrowed computer, and do not train",
    )
    most = "train a bundle's config.toml for so long at most, reading and writing included"
    parser.add_argument("--minutes", type=float, metavar="9", help=most)
    add_settings(parser, ("device", "precision"), f"computation, of {runs}")
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    request = training.Request(
        config=args.config,
        output=args.output,
        data=args.data,
        work=args.work,
        budget=args.budget,
        resume=args.resume,
        device=args.device,
        precision=args.precision,
        bundle=args.bundle,
        minutes=args.minutes,
    )
    first = first_process()
    done = training.run(request, monitor(args) if first else Monitor(cancel=ASKED))
    if first:
        tell(args, done, str(done.output))
    return 0


def first_process() -> bool:
    """Whether this is the only process of a training or the first of several; the others leave the terminal to it."""
    return next((os.environ[name] for name in RANKS if name in os.environ), "0") == "0"


def duration(text: str) -> float:
    """Seconds from a number with s, m or h behind it."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 90s, 25m or 2h")
    return float(match[1]) * SECONDS[match[2]]
