"""`mrisr figure`: pictures of what a model has learned."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..catalog import find, load_model
from ..errors import InputError
from ._options import Subparsers


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser("figure", help="draw what a model has learned", description="Draw what a model has learned.")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    filters = kinds.add_parser("filters", help="the learned filters of a few buckets of a gradient-filters model")
    filters.add_argument("model", metavar="MODEL", help="see `mrisr models`")
    filters.add_argument("output", type=Path, metavar="OUT.png")
    filters.add_argument("--bank", type=int, default=0, metavar="N", help="which of its banks, counted from 0 (default: the first)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    card = find(args.model)
    if card.family != "gradient-filters":
        raise InputError(f"{args.model} is of the family {card.family}; only gradient-filters models have filters to draw.")
    from ..figure import save
    from ..gradient_filters.figure import filters_figure
    from ..models.gradient_filters import GradientFilters

    model = load_model(args.model)
    assert isinstance(model, GradientFilters)
    if not 0 <= args.bank < len(model.banks):
        raise InputError(f"{args.model} has {len(model.banks)} banks, counted from 0; there is no bank {args.bank}.")
    save(filters_figure(model.banks[args.bank][2][0], card.title), args.output)
    print(args.output)
    return 0
