"""`mrisr calibrate-verdict`: what the verdict has learned of a model, made again and judged; and how often it is wrong about the truth."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..image.files import stem_of
from ..image.volume import Volume
from ..models.catalog import amended, find, load_model
from ..physics.protocols import protocol_named
from . import JUDGE
from ._measuring import add_measuring, box_of
from ._options import Subparsers, monitor, settings_of
from ._output import tell

if TYPE_CHECKING:
    from ..evaluation.alarms import Alarms
    from ..evaluation.episodes import Episode

GROUP = JUDGE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "calibrate-verdict",
        help="measure how well the verdict on a model's results tells harm",
        description="Simulate scans from sharp ones, whose making is told rightly, wrongly or not at all; run a model on them; learn what "
        "tells that plain interpolation would have been nearer to the truth, and judge that on scans it was not learned from. Without a "
        "model, count how often the truth and plain interpolation are called anything but green, over draws of the noise (--draws).",
    )
    parser.add_argument("model", metavar="MODEL", help="see `mrisr models`; `truth` for the false alarms")
    parser.add_argument(
        "scans", type=Path, nargs="+", metavar="SCAN", help="sharp scans, of two people or more"
    )
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="of the noise (default: 1000)")
    parser.add_argument(
        "--protocols",
        nargs="+",
        default=["iso2-noisy", "thick4", "iso2"],
        metavar="P",
        help="for the false alarms",
    )
    add_measuring(parser, run, "what was learned")


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    boxes = {stem_of(path): box_of(path, args) for path in args.scans}
    if args.model == "truth":
        return _alarms(args, boxes)
    from ..evaluation.episodes import episodes_of
    from ..evaluation.harm_rule import judged

    model, watch, settings = load_model(args.model), monitor(args), settings_of(args)
    runs: list[Episode] = []
    for name, box in boxes.items():
        runs += episodes_of(name, box, model, settings=settings, monitor=watch)
    found = judged(runs)
    written = [str(amended(find(args.model), verdict=found))] if args.card else []
    tell(args, found, _table(found, runs), *written)
    return 0


def _alarms(args: argparse.Namespace, boxes: dict[str, Volume]) -> int:
    from ..evaluation.alarms import false_alarms

    watch = monitor(args)
    found = [
        each
        for name, box in boxes.items()
        for protocol in args.protocols
        for each in false_alarms(name, box, protocol_named(protocol), args.draws, watch)
    ]
    tell(args, {"alarms": found}, *_alarms_table(found))
    return 0


def _alarms_table(found: Sequence[Alarms]) -> list[str]:
    head = "| scan | protocol | | draws | not green | at most (95 %) | red | worst, largest | 1 in 100 | 1 in 1000 | limits |"
    rows = [
        f"| {each.scan} | {each.protocol} | {each.subject} | {each.draws} | {each.amber} | {100 * each.bound:.2f} % | {each.red} "
        f"| {max(each.worst):.2f} | {each.level(0.01):.2f} | {each.level(0.001):.2f} | {each.limits[0]:.2f}, {each.limits[1]:.2f} |"
        for each in found
    ]
    return [head, "|---|---|---|---|---|---|---|---|---|---|---|", *rows]


def _table(found: dict[str, Any], runs: Sequence[Episode]) -> str:
    lines = ["| told | runs | harmed | of them green | helped | of them green |", "|---|---|---|---|---|---|"]
    for manner in dict.fromkeys(run.manner for run in runs):
        mine = [run for run in runs if run.manner == manner and run.is_clear]
        cells = []
        for harmed in (True, False):
            some = [run for run in mine if run.harmed is harmed]
            green = sum(run.color(found.get("rule")) == "green" for run in some)
            cells += [str(len(some)), f"{100 * green / len(some):.0f} %" if some else ""]
        lines.append(f"| {manner} | {sum(run.manner == manner for run in runs)} | {' | '.join(cells)} |")
    told = ", ".join(f"{key}: {value}" for key, value in found.items() if key != "scans")
    return "\n".join([*lines, "", told])
