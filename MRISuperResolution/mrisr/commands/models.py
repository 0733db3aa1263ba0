"""`mrisr models`: what there is to choose from."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from typing import Any

from ..errors import MISTAKE, CatalogError
from ..models import catalog
from ..models.card import Card
from . import USE
from ._options import Subparsers, add_progress, model_named
from ._output import QUIET

GROUP = USE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "models",
        help="list the models: what for, gain, factors, speed; or show one",
        description="List the models, each with what it refines, what it was measured to gain over cubic interpolation in the head (mean "
        "over the headline scans), and how long it takes for a megavoxel of the result on the computer that its card names; or show one's "
        "whole card: `mrisr models show NAME`.",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the cards as JSON")
    form.add_argument(
        "--markdown", action="store_true", help="a table of what each was trained for and measured to gain"
    )
    add_progress(parser)
    parser.set_defaults(run=run)
    show = parser.add_subparsers(dest="action", metavar="show").add_parser("show", help="one model's card")
    show.add_argument(
        "name", type=model_named, metavar="NAME", help="of a model, or its folder as in ./my-model"
    )
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
    if args.progress != QUIET:
        for card in cards:
            print("\n".join(_entry(card, shutil.get_terminal_size().columns)))
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


def _entry(card: Card, width: int) -> list[str]:
    """A model's lines in a list: its name, what it refines, gains and speeds; below them what it is for."""
    text = " ".join(filter(None, [card.purpose, _origin(card)]))
    facts = {
        "refines": card.trained_text() if card.trained else "by any factor",
        "gain": ", ".join(each.replace("`", "") for each in gains_of(card)),
        "s/Mvoxel": ", ".join(
            f"{key} {entry['seconds_per_megavoxel']:.2g}" for key, entry in card.speed.items()
        ),
    }
    lines = [text, *(f"{name}: {fact}" for name, fact in facts.items() if fact)]
    return [card.name, *(part for line in lines for part in _wrapped(line, width))]


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(
        line,
        max(width, 40),
        initial_indent="    ",
        subsequent_indent="      ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _origin(card: Card) -> str:
    """Whose models they are that come from elsewhere."""
    found = catalog.origin(card)
    return f"[{found}]" if found else ""


def _table(cards: list[Card]) -> list[str]:
    """The models with weights, and their gains in PSNR over `cubic` on the headline scans."""
    lines = ["| model | for | gain over `cubic` in the head, mean over the headline scans |", "|---|---|---|"]
    for card in cards:
        if card.sha256 is not None:
            lines.append(
                f"| `{card.name}` | {card.purpose} | {', '.join(gains_of(card)) or 'not measured'} |"
            )
    return lines


def gains_of(card: Card) -> list[str]:
    """What a model gains, protocol by protocol, in Markdown: told how a scan was made, and by default where that was measured."""
    lines = []
    for protocol, gains in card.gains.items():
        told, default = gains.get("told"), gains.get("default")
        by_default = None if default is None else f"{default:+.2f} dB by default"
        lines.append(
            f"`{protocol}` {by_default}"
            if told is None
            else f"`{protocol}` {told:+.2f} dB" + f" ({by_default})" * bool(by_default)
        )
    return lines


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
