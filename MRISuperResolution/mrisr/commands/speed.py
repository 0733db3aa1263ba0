"""`mrisr speed`: how fast this computer runs the models."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..compute.device import resolve
from ..compute.probe import throughput
from ..errors import InputError
from ..image.replacement import replacing
from ..models.card import CARD, Card, card_text
from ..models.catalog import check, find, list_models
from ..pipeline.settings import Settings
from . import JUDGE
from ._bars import say
from ._options import Subparsers, add_progress, add_settings, models_named, monitor, settings_of
from ._output import add_json, tell

GROUP = JUDGE

LEAST = 24
"""Voxels on a side that all networks take."""

MEMORY = "peak_memory_mb_per_megavoxel"


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "speed",
        help="measure how fast this computer runs the models",
        description="Measure how fast this computer runs the models, on a scan that is made for it. A figure is of one device and, on a "
        "processor, one precision: cpu-fp32, cpu-bf16, cuda, mps. --card writes it into the cards, beside those of other computers, which "
        "keep their values.",
    )
    parser.add_argument(
        "--model",
        type=models_named,
        default=[],
        metavar="NAMES",
        help="separated by commas (default: all with weights)",
    )
    parser.add_argument(
        "--size", type=int, default=96, metavar="N", help="voxels on a side of the result (default: 96)"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=2,
        metavar="N",
        help="runs of each model, of which the best counts (default: 2)",
    )
    parser.add_argument(
        "--one-thread",
        action="store_true",
        help="processor seconds on one thread, where other programs run beside (processors only)",
    )
    parser.add_argument("--card", action="store_true", help="write the figures into the models' cards")
    parser.add_argument(
        "--machine", metavar="TEXT", help="what a card calls this computer (default: its processor)"
    )
    add_settings(parser, ("device", "precision"))
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    from ..evaluation.timing import measured_speed

    if args.size < LEAST or args.rounds < 1:
        raise InputError(f"The size must be {LEAST} or more, and the rounds 1 or more.")
    settings, watch = settings_of(args), monitor(args)
    machine = args.machine or _machine(settings, args.one_thread)
    if not args.json:
        head = f"{machine}: {_probed(settings)}\n"
        tell(args, {}, head, "| model | measured | seconds a megavoxel |", "|---|---|---|")
    for card in _chosen(args.model):
        found = measured_speed(
            card,
            settings,
            machine,
            side=args.size,
            rounds=args.rounds,
            one_thread=args.one_thread,
            monitor=watch,
        )
        lines = [
            f"| {card.name} | {key} | {entry['seconds_per_megavoxel']:g} |" for key, entry in found.items()
        ]
        tell(args, {"model": card.name, "machine": machine, "speed": found}, *lines)
        if args.card:
            _write(find(card.folder), found)
    return 0


def _chosen(wanted: Sequence[str | Path]) -> list[Card]:
    return [find(name) for name in wanted] or [
        card for card in list_models(lambda error: say(str(error))) if card.sha256 is not None
    ]


def _machine(settings: Settings, one_thread: bool) -> str:
    """What this computer is called where nobody says."""
    import torch

    compute = resolve(settings.device, settings.precision)
    if compute.device != "cpu":
        return compute.name
    threads = 1 if one_thread else torch.get_num_threads()
    return (
        f"{platform.processor() or platform.machine()}, {threads} {'thread' if threads == 1 else 'threads'}"
    )


def _probed(settings: Settings) -> str:
    compute = resolve(settings.device, settings.precision)
    rate = throughput(compute) / 1e9
    return (
        f"{rate:.3g} billion multiply-adds a second in a convolution ({compute.device}, {compute.precision})."
    )


def _write(card: Card, found: dict[str, Any]) -> None:
    """Put figures into a card, beside those of other devices and precisions; what was known of the memory stays."""
    known = dict(card.data.get("speed", {}))
    kept = {
        key: {name: value for name, value in known.get(key, {}).items() if name == MEMORY} for key in found
    }
    data = {**card.data, "speed": known | {key: kept[key] | entry for key, entry in found.items()}}
    check(Card.of(data, card.folder))
    with replacing(card.folder / CARD) as partial:
        partial.write_text(card_text(data), encoding="utf-8")
