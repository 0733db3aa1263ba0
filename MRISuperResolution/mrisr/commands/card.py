"""`mrisr card`: what `mrisr evaluate` measured, how fine results are and how bright the training scans are go into a model's card."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import FileError, InputError
from ..evaluation.card_entries import Rows, known_in, quality, speeds
from ..evaluation.contrast import gather
from ..evaluation.scores import DEFAULT, TOLD
from ..image.files import read_volume
from ..image.replacement import replacing
from ..models.card import CARD, Card, card_text
from ..models.catalog import check, find, load_model
from ..physics.protocols import protocol_named
from . import MAKE
from ._options import Subparsers, add_choice, add_progress, choice_of, model_named, monitor, names
from ._output import add_json, tell

GROUP = MAKE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "card",
        help="write measured quality, speed, resolution and the training's contrasts into a model's card",
        description="Write what `mrisr evaluate --output` measured into the card of a model: quality for each protocol, and speed; "
        "and how bright its training scans are, from which `mrisr check` tells whether a scan is unlike them.",
    )
    parser.add_argument("model", type=model_named, metavar="MODEL", help="see `mrisr models`")
    parser.add_argument(
        "--headline", type=Path, nargs="+", default=[], metavar="ROWS.json", help="rows of the headline scans"
    )
    parser.add_argument(
        "--cohort", type=Path, nargs="+", default=[], metavar="ROWS.json", help="rows of the cohort"
    )
    parser.add_argument(
        "--speed",
        type=Path,
        nargs="+",
        default=[],
        metavar="ROWS.json",
        help="rows measured while nothing else ran (default: all rows)",
    )
    parser.add_argument(
        "--machine", default="2 CPU cores", help="what it was measured on (default: 2 CPU cores)"
    )
    parser.add_argument(
        "--histograms",
        type=_labelled,
        nargs="+",
        default=[],
        metavar="CONTRAST=SCAN,SCAN",
        help="training scans of each contrast, such as T1w=a.nii.gz,b.nii.gz FLAIR=c.nii.gz",
    )
    parser.add_argument(
        "--resolution",
        action="store_true",
        help="measure how wide edges and how deep line pairs are, by each of the model's protocols",
    )
    add_choice(parser)
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    card = find(args.model)
    measured = {
        contrast: gather(read_volume(scan, choice_of(args)).array for scan in scans)
        for contrast, scans in args.histograms
    }
    fine = _resolution(card, args) if args.resolution else []
    card = find(
        args.model
    )  # read again: reading many scans takes long enough for somebody else to have written it
    data = dict(card.data)
    if measured:
        data["training"] = dict(data.get("training", {})) | {"histograms": measured}
    if fine:
        data["resolution"] = fine
    if args.headline or args.cohort or not (measured or fine):
        _take_rows(data, card, args)
    check(Card.of(data, card.folder))
    with replacing(card.folder / CARD) as partial:
        partial.write_text(card_text(data), encoding="utf-8")
    tell(args, {"card": card.folder / CARD}, str(card.folder / CARD))
    return 0


def _resolution(card: Card, args: argparse.Namespace) -> list[dict[str, Any]]:
    from ..evaluation.resolution import resolution_of

    if not card.protocols:
        raise InputError(f"{card.title} names no protocol that its resolution could be measured by.")
    model, watch, found = load_model(args.model), monitor(args), []
    for done, name in enumerate(card.protocols):
        watch.step(f"resolution, {name}", done, len(card.protocols))
        found.append(resolution_of(model, protocol_named(name)).describe())
    return found


def _take_rows(data: dict[str, Any], card: Card, args: argparse.Namespace) -> None:
    """Put quality and speed, as measured, into a card's data."""
    groups = {"headline": _read(args.headline), "cohort": _read(args.cohort)}
    made = list(
        dict.fromkeys(
            _made(row)
            for rows in groups.values()
            for row in rows
            if row["model"] == card.name and known_in(row) in (DEFAULT, TOLD)
        )
    )
    if not made:
        raise InputError(
            f"No row is of {card.name}; run `mrisr evaluate --model {card.name} --output ROWS.json` first."
        )
    data["quality"] = [
        quality(group, rows, card.name, protocol, acquisition)
        for protocol, acquisition in made
        for group, rows in groups.items()
        if any(_made(row) == (protocol, acquisition) and row["model"] == card.name for row in rows)
    ]
    timed = [_read(args.speed)] if args.speed else groups.values()
    mine = [row for rows in timed for row in rows if row["model"] == card.name]
    data["speed"] = dict(data.get("speed", {})) | speeds(mine, args.machine)


def _made(row: dict[str, Any]) -> tuple[str, str]:
    """How a row's scan was made, and what the model knew of that."""
    return row["protocol"], known_in(row)


def _labelled(text: str) -> tuple[str, list[Path]]:
    contrast, separator, scans = text.partition("=")
    if not (contrast and separator and names(scans)):
        raise argparse.ArgumentTypeError(
            f"{text!r} does not say which scans are of which contrast, as T1w=a.nii.gz,b.nii.gz does"
        )
    return contrast, [Path(scan) for scan in names(scans)]


def _read(paths: list[Path]) -> Rows:
    rows: Rows = []
    for path in paths:
        try:
            rows += json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FileError(f"{path} holds no rows of `mrisr evaluate --output` ({error}).") from error
    return rows
