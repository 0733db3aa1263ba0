"""`mrisr calibrate-intervals`: how far the truth lies from a model's results, measured; what its card says of that, made again."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..image.files import stem_of
from ..models.card import Card
from ..models.catalog import amended, find, load_model
from . import JUDGE
from ._measuring import add_measuring, add_model_and_scans, box_of
from ._options import Subparsers, monitor, names, settings_of
from ._output import tell

if TYPE_CHECKING:
    from ..evaluation.residuals import Residuals
    from ..progress import Monitor

GROUP = JUDGE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "calibrate-intervals",
        help="measure how far the truth lies from a model's results",
        description="Simulate scans from sharp ones, run a model on them, and learn from its errors how wide an interval must be, by what "
        "is seen at each voxel, to hold 90 % of the head's voxels; each person's scan is judged by intervals that the others taught. Scans "
        "that the model was trained on, by its card, are left out.",
    )
    add_model_and_scans(parser, "sharp scans, one of each person")
    parser.add_argument(
        "--contrasts",
        type=_labelled,
        nargs="+",
        default=[],
        metavar="CONTRAST=SCAN,SCAN",
        help="names of the scans of each contrast, for the table: T1w=anna,ben FLAIR=carl",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep each scan's errors there, and go on from what is kept",
    )
    add_measuring(parser, run, "what was learned")


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    from ..evaluation.interval_table import entry_of

    card, watch, runs = find(args.model), monitor(args), []
    for path in args.scans:
        if was_seen(card, stem_of(path)):
            watch.log(f"{stem_of(path)} is left out: {card.name} may have been trained on it, by its card.")
        else:
            runs += _measured(args, path, card, watch)
    found = entry_of(runs, dict(args.contrasts))
    if card.sha256 is not None:
        found["weights"] = card.sha256
    written = [str(amended(find(args.model), interval=found))] if args.card else []
    tell(args, found, _table(found), *written)
    return 0


def was_seen(card: Card, scan: str) -> bool:
    """Whether a model's card lists a scan, by its name or a pattern such as `12 of cohort_*`, among those it was trained on."""
    listed: Sequence[str] = card.data.get("training", {}).get("scans", [])
    return any(fnmatch(scan, words.split()[-1]) for words in listed)


def _measured(args: argparse.Namespace, path: Path, card: Card, watch: Monitor) -> list[Residuals]:
    """The errors on one scan, or what is kept of them from before."""
    from ..evaluation.residuals import kept, residuals_of, restored

    name = stem_of(path)
    place = None if args.keep is None else args.keep / f"{card.name}-{name}.npz"
    made_by = f"{card.sha256} {args.box} {args.seed}"
    if place is not None and (known := restored(place, made_by)):
        return known
    box = box_of(path, args)
    model = load_model(args.model)
    found = list(residuals_of(name, box, model, settings=settings_of(args), monitor=watch))
    if place is not None:
        kept(place, made_by, found)
    return found


def _table(found: Mapping[str, Any]) -> str:
    lines = ["| people left out | number | within | 95 % interval | least |", "|---|---|---|---|---|"]
    for name, group in found["coverage"].items():
        interval = " to ".join(f"{100 * value:.1f}" for value in group.get("interval", ()))
        lines.append(
            f"| {name} | {group['people']} | {100 * group['share']:.1f} % | {interval} | {100 * group['least']:.1f} % |"
        )
    lines += [f"| {name} | | {100 * share:.1f} % | | |" for name, share in found["protocols"].items()]
    trusted = found["trusted"]
    return "\n".join(
        [
            *lines,
            "",
            f"Half-width, median: {100 * found['width']:.1f} % of the brightness. Factor {found['factor']:g}, noise {found['noise']:g}.",
            f"Trusted: {100 * trusted['share']:.0f} % of the voxels, {100 * trusted['wrong']:.1f} % of which are off by more.",
        ]
    )


def _labelled(text: str) -> tuple[str, list[str]]:
    contrast, separator, scans = text.partition("=")
    if not (contrast and separator and names(scans)):
        raise argparse.ArgumentTypeError(
            f"{text!r} does not say which scans are of which contrast, as T1w=anna,ben does"
        )
    return contrast, names(scans)
