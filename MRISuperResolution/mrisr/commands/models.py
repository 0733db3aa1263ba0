"""`mrisr models`: what there is to choose from."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..errors import MISTAKE, CatalogError
from ..models import catalog
from ..models.card import Card
from ._options import Subparsers


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "models",
        help="list the models, or show one",
        description="List the models, or show one's whole card: `mrisr models show NAME`.",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the cards as JSON")
    form.add_argument(
        "--markdown", action="store_true", help="a table of what each was trained for and measured to gain"
    )
    parser.set_defaults(run=run)
    show = parser.add_subparsers(dest="action", metavar="show").add_parser("show", help="one model's card")
    show.add_argument("name", metavar="NAME")
    show.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="the card as JSON")
    show.set_defaults(run=run_show)


def run(args: argparse.Namespace) -> int:
    """List the models; the exit code."""
    failures: list[CatalogError] = []
    cards = catalog.list_models(failures.append)
    for error in failures:
        print(f"mrisr: {error}", file=sys.stderr)
    if args.json:
        print(json.dumps([card.data for card in cards], indent=2))
        return MISTAKE if failures else 0
    if args.markdown:
        print("\n".join(_table(cards)))
        return MISTAKE if failures else 0
    width = max(len(card.name) for card in cards)
    for card in cards:
        print(f"{card.name:{width}}  {card.purpose}{_speeds(card)}{_origin(card)}")
    return MISTAKE if failures else 0


def run_show(args: argparse.Namespace) -> int:
    """Show one card; the exit code."""
    card = catalog.find(args.name)
    catalog.check(card)
    if args.json:
        print(json.dumps(card.data, indent=2))
    else:
        print("\n".join(_lines({**card.readable, "origin": catalog.origin(card)})))
    return 0


def _origin(card: Card) -> str:
    """Whose models they are that come from elsewhere."""
    found = catalog.origin(card)
    return f" [{found}]" if found else ""


def _speeds(card: Card) -> str:
    """Seconds a megavoxel as they were measured, each on the computer that the whole card names."""
    found = [f"{key} {entry['seconds_per_megavoxel']:g}" for key, entry in card.speed.items()]
    return f" [s/Mvoxel: {', '.join(found)}]" if found else ""


def _table(cards: list[Card]) -> list[str]:
    """The models with weights, and their gains in PSNR over `cubic` on the headline scans."""
    lines = ["| model | for | gain over `cubic` in the head, mean over the headline scans |", "|---|---|---|"]
    for card in cards:
        if card.sha256 is not None:
            lines.append(f"| `{card.name}` | {card.purpose} | {', '.join(_gains(card)) or 'not measured'} |")
    return lines


def _gains(card: Card) -> list[str]:
    headline = [row for row in card.quality if row["scans"] == "headline"]
    return [
        f"`{row['protocol']}` {row['psnr_mask'][0] - row['psnr_mask_cubic'][0]:+.2f} dB" for row in headline
    ]


def _lines(data: dict[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in data.items():
        label = indent + key.replace("_", " ")
        if isinstance(value, dict) and value:
            lines += [f"{label}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{label}:", *(f"{indent}  - {_inline(item)}" for item in value)]
        elif value not in ([], {}, None, ""):
            lines.append(f"{label}: {_inline(value)}")
    return lines


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_inline(item)}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
