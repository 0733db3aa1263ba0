"""`mrisr figure`: pictures of what a model has learned and of how diffusion works."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..catalog import find, load_model
from ..enhance import Settings
from ..errors import FileError, InputError
from ..figure import PLANES
from ..files import read_volume
from ..plot import save
from ._options import Subparsers, add_compute

FIGURES = (".png", ".pdf", ".svg")


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    text = "draw what a model has learned, or how diffusion works"
    parser = subparsers.add_parser("figure", help=text, description=f"{text.capitalize()}.")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    filters = kinds.add_parser("filters", help="the learned filters of a few buckets of a gradient-filters model")
    filters.add_argument("model", metavar="MODEL", help="see `mrisr models`")
    _add_output(filters)
    filters.add_argument("--bank", type=int, default=0, metavar="N", help="which of its banks, counted from 0 (default: the first)")
    filters.set_defaults(run=draw_filters)
    schedule = kinds.add_parser("schedule", help="signal and noise at every step of the noise schedules")
    _add_output(schedule)
    schedule.set_defaults(run=draw_schedule)
    noising = kinds.add_parser("noising", help="a slice that drowns in noise, by each of the noise schedules")
    noising.add_argument("scan", type=Path, metavar="SCAN")
    _add_output(noising)
    _add_plane(noising)
    noising.set_defaults(run=draw_noising)
    sampling = kinds.add_parser("sampling", help="a slice every few steps while a diffusion model samples; a strip, or a GIF that moves")
    sampling.add_argument("model", metavar="MODEL", help="a diffusion model, see `mrisr models`")
    sampling.add_argument("scan", type=Path, metavar="SCAN")
    _add_output(sampling)
    _add_plane(sampling)
    sampling.add_argument("--every", type=int, default=3, metavar="K", help="steps between pictures (default: 3)")
    sampling.add_argument("--steps", type=int, metavar="N", help="steps in all (default: the model's)")
    sampling.add_argument("--box", type=int, metavar="N", help="only the middle N voxels of each axis of the scan")
    add_compute(sampling)
    sampling.set_defaults(run=draw_sampling)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, metavar="OUT.png")


def _add_plane(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plane", choices=PLANES, default="axial", help="(default: axial)")


def _checked(path: Path, *more: str) -> None:
    allowed = (*FIGURES, *more)
    if path.suffix.lower() not in allowed:
        raise FileError(f"{path} is of no kind that can be drawn; end its name in one of {', '.join(allowed)}.")


def draw_filters(args: argparse.Namespace) -> int:
    """The filters of a model; the exit code."""
    card = find(args.model)
    if card.family != "gradient-filters":
        raise InputError(f"{args.model} is of the family {card.family}; only gradient-filters models have filters to draw.")
    from ..gradient_filters.figure import filters_figure
    from ..models.gradient_filters import GradientFilters

    _checked(args.output)
    model = load_model(args.model)
    assert isinstance(model, GradientFilters)
    if not 0 <= args.bank < len(model.banks):
        raise InputError(f"{args.model} has {len(model.banks)} banks, counted from 0; there is no bank {args.bank}.")
    save(filters_figure(model.banks[args.bank][2][0], card.title), args.output)
    print(args.output)
    return 0


def draw_schedule(args: argparse.Namespace) -> int:
    """The curves of the noise schedules; the exit code."""
    from ..diffusion.figure import schedules_figure

    _checked(args.output)
    save(schedules_figure(), args.output)
    print(args.output)
    return 0


def draw_noising(args: argparse.Namespace) -> int:
    """A slice at several steps of the noise schedules; the exit code."""
    from ..diffusion.figure import noising_figure

    _checked(args.output)
    save(noising_figure(read_volume(args.scan), plane=args.plane), args.output)
    print(args.output)
    return 0


def draw_sampling(args: argparse.Namespace) -> int:
    """A slice while it is sampled; the exit code."""
    _checked(args.output, ".gif")
    if args.every < 1:
        raise InputError(f"There must be 1 step or more between pictures; got {args.every}.")
    if find(args.model).family != "ddpm":
        raise InputError(f"{args.model} does not work in steps; name a diffusion model, such as ddpm-iso2.")
    from ..diffusion.figure import frames, sampling_figure, save_animation
    from ..diffusion.model import Diffusion

    model = load_model(args.model)
    assert isinstance(model, Diffusion)
    volume = read_volume(args.scan)
    if args.box:
        start = [max(0, (n - args.box) // 2) for n in volume.shape]
        stop = [min(n, first + args.box) for n, first in zip(volume.shape, start, strict=True)]
        volume = volume.cropped((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    settings = Settings(
        model=args.model, device=args.device, precision=args.precision, tile=args.tile, seed=args.seed, steps=args.steps
    )
    shown, aspect = frames(model, volume, settings, args.plane, args.every)
    if args.output.suffix.lower() == ".gif":
        save_animation(shown, args.output)
    else:
        save(sampling_figure(shown, aspect), args.output)
    print(args.output)
    return 0
