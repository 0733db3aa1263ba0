"""`mrisr train`: weights from scans, as a configuration says."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from ..device import DEVICES, PRECISIONS
from ..train import Options, families, read_config, trainer
from ._options import Subparsers, add_progress, monitor

SECONDS = {"s": 1, "m": 60, "h": 3600}


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "train",
        help="train a model from a configuration",
        description=f"Train a model as a TOML file says and write its card and weights. Families: {', '.join(families())}.",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help="see the folder configs")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="the model's folder (default: its name among the packaged models)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where the configuration's scans lie")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="for checkpoints and logs (default: runs/NAME)")
    parser.add_argument("--budget", type=duration, metavar="25m", help="stop after this time and write the model as it is")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    add_progress(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    config = read_config(args.config)
    options = Options(
        config=args.config,
        output=args.output,
        data=args.data,
        work=args.work,
        budget=args.budget,
        resume=args.resume,
        device=args.device,
        precision=args.precision,
    )
    print(trainer(config["family"])(config, options, monitor(args.progress)))
    return 0


def duration(text: str) -> float:
    """Seconds from a number with s, m or h behind it."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 90s, 25m or 2h")
    return float(match[1]) * SECONDS[match[2]]
