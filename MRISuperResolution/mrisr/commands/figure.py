"""`mrisr figure`: pictures of what a model has learned and of how a family works, as the families offer them."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import FileError, InputError
from ..image.files import read_volume
from ..models.base import Model
from ..models.catalog import find, load_model
from ..models.discovery import families
from ..models.family import Family, Figure
from ..reports.figure import PLANES
from . import MORE
from ._options import (
    COMPUTATION,
    Subparsers,
    add_choice,
    add_progress,
    add_settings,
    choice_of,
    model_named,
    settings_of,
)
from ._output import add_json, add_written, tell

GROUP = MORE

FIGURES = (".png", ".pdf", ".svg")


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    text = "draw what a model has learned, or how diffusion works"
    parser = subparsers.add_parser("figure", help=text, description=f"{text.capitalize()}.")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for family in families().values():
        for name, figure in family.figures.items():
            described = kinds.add_parser(name, help=f"{figure.help} ({family.name})")
            _describe(described, family, figure)
            described.set_defaults(run=partial(run, family=family, figure=figure))


def _describe(parser: argparse.ArgumentParser, family: Family, figure: Figure) -> None:
    if "model" in figure.needs:
        parser.add_argument(
            "model",
            type=model_named,
            metavar="MODEL",
            help=f"of the family {family.name}, see `mrisr models`",
        )
    if "scan" in figure.needs:
        parser.add_argument("scan", type=Path, metavar="SCAN")
        add_choice(parser)
    add_written(parser, "output", metavar="OUT.png")
    if "plane" in figure.needs:
        parser.add_argument("--plane", choices=PLANES, default="axial", help="(default: axial)")
    for option, (default, text) in figure.options.items():
        parser.add_argument(f"--{option}", type=int, default=default, metavar="N", help=text)
    if "settings" in figure.needs:
        add_settings(parser, ("steps", *COMPUTATION))
    add_progress(parser)
    add_json(parser)


def run(args: argparse.Namespace, *, family: Family, figure: Figure) -> int:
    """Draw a figure of a family; the exit code."""
    allowed = (*FIGURES, *figure.suffixes)
    if args.output.suffix.lower() not in allowed:
        raise FileError(
            f"{args.output} is of no kind that can be drawn; end its name in one of {', '.join(allowed)}."
        )
    given: dict[str, Any] = {name: getattr(args, name) for name in figure.options}
    if "model" in figure.needs:
        given["model"] = _model(args.model, family)
    if "scan" in figure.needs:
        given["scan"] = read_volume(args.scan, choice_of(args))
    if "plane" in figure.needs:
        given["plane"] = args.plane
    if "settings" in figure.needs:
        given["settings"] = settings_of(args, model=args.model)
    figure.draw(args.output, **given)
    tell(args, {"output": args.output}, str(args.output))
    return 0


def _model(name: str | Path, family: Family) -> Model:
    found = find(name).family
    if found != family.name:
        raise InputError(
            f"{name} is of the family {found}; this figure is of models of the family {family.name}."
        )
    return load_model(name)
