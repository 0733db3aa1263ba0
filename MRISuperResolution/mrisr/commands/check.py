"""`mrisr check`: what to know about a scan before running a model on it, and which model to run."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import WARNED
from ..jobs import check
from . import JUDGE
from ._options import Subparsers, add_choice, add_model, add_progress, add_settings, choice_of, monitor
from ._output import add_json, tell
from ._target import add_acquisition, add_target, target_of

GROUP = JUDGE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "check",
        help="what to know before enhancing a scan, and which model to choose",
        description="Look for what makes a result worth less: interpolated or clipped scans, other modalities, factors and contrasts that "
        "the model was not trained for. Prints how the scan is taken to have been made, by whose word, and a sentence for each; without "
        "--model also which one is recommended, and which others suit the scan.",
    )
    parser.add_argument("scans", type=Path, nargs="+", metavar="SCAN", help="files or DICOM folders")
    add_model(parser, None, "that is to be run (default: one is recommended)")
    add_target(parser)
    add_acquisition(parser)
    add_settings(parser, ("device",))
    add_choice(parser)
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help=f"end with exit code {WARNED} if anything speaks against a scan",
    )
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    watch, warned = monitor(args), False
    for scan in args.scans:
        request = check.Request(
            scan,
            args.model,
            target_of(args),
            args.acquisition,
            choice=choice_of(args),
            device=None if args.model else args.device,
        )
        found = check.run(request, watch)
        warned = warned or bool(found.warnings)
        head = [f"{scan}:"] if len(args.scans) > 1 else []
        tell(args, {"scan": scan, **vars(found)}, *head, *_lines(found))
    return WARNED if warned and args.exit_code else 0


def _lines(found: check.Reply) -> list[str]:
    lines = [f"acquisition: {found.acquisition}"]
    lines += [f"{warning.code}: {warning.sentence}" for warning in found.warnings]
    if not found.warnings:
        lines.append("Nothing speaks against it.")
    if found.model:
        lines.append(f"recommended: {found.model}. {found.reason}")
        lines += [f"  {_described(each)}" for each in found.suited if each.gain is not None]
    return lines


def _described(model: check.Suited) -> str:
    gain = f"{model.gain:+.1f} dB on {model.protocol}"
    return f"{model.model}: {gain}" + (
        "" if model.seconds is None else f", about {max(1, round(model.seconds))} s here"
    )
