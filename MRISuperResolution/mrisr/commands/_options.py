"""Options and progress that several subcommands share."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any

from ..errors import InputError
from ..image.series import Choice
from ..interruption import ASKED
from ..pipeline.settings import Settings, consistency_steps
from ..progress import DETAIL, Monitor
from ._heartbeat import note

Subparsers = Any
"""What `argparse` gives to add subcommands to; its class is private."""


def names(text: str) -> list[str]:
    """A comma-separated list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def numbers(text: str) -> list[float]:
    """One number or several, separated by commas."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 2 or 1,1,4") from error


COMPUTATION = ("device", "precision", "tile", "seed")
"""The settings that say how to compute."""

RUNS = ("consistency", "samples", "steps")
"""The settings that say how a model is run on a scan."""


def add_settings(parser: argparse.ArgumentParser, names: Sequence[str] = ()) -> None:
    """Add the options of these settings, as `Settings` describes them; of all that are options by default."""
    group = parser.add_argument_group("computation")
    for each in fields(Settings):
        if each.metadata and (not names or each.name in names):
            place = group if each.name in COMPUTATION else parser
            place.add_argument(
                f"--{each.name}", default=each.default, help=each.metadata["help"], **_described(each)
            )


def _described(setting: Field[Any]) -> dict[str, Any]:
    """How `argparse` reads a setting."""
    if setting.metadata["choices"]:
        return {"choices": setting.metadata["choices"]}
    kind = str if setting.name in READERS else float if isinstance(setting.default, float) else int
    return {"type": kind, "metavar": setting.metadata["mark"]}


READERS = {"consistency": consistency_steps}
"""Settings that are read in a way of their own, with a sentence where that fails."""


def settings_of(args: argparse.Namespace, **more: Any) -> Settings:
    """The settings that the arguments hold, by their names, and what is given beside them."""
    held = {
        each.name: getattr(args, each.name)
        for each in fields(Settings)
        if each.metadata and hasattr(args, each.name)
    }
    held |= {name: read(held[name]) for name, read in READERS.items() if name in held}
    return Settings(**{**held, **more})


def add_progress(parser: argparse.ArgumentParser) -> None:
    """Add --progress."""
    parser.add_argument(
        "--progress",
        choices=("bar", "json", "off"),
        default="bar",
        help="how progress is shown on standard error",
    )


def add_choice(parser: argparse.ArgumentParser, scans: str = "") -> None:
    """Add --series and --frames.

    Args:
        parser: of a command that reads scans.
        scans: which ones, in their order, where there may be several.
    """
    each, mark = ("; one for all, or one for each of " + scans, "N[,N]") if scans else ("", "N")
    parser.add_argument(
        "--series",
        type=_series,
        default=[""],
        metavar=mark,
        help=f"of a DICOM folder with several series: the number or the UID of the one that is meant{each}",
    )
    parser.add_argument(
        "--frames",
        type=_frames,
        default=[None],
        metavar=mark,
        help="of a DICOM series or file with several volumes (echoes, stacks, points in time, b-values): which one, as they are listed"
        + each,
    )


def choice_of(args: argparse.Namespace) -> Choice:
    """What --series and --frames choose of the one scan.

    Raises:
        InputError: they name several.
    """
    return choices_of(args, 1)[0]


def choices_of(args: argparse.Namespace, count: int) -> list[Choice]:
    """What --series and --frames choose of so many scans.

    Raises:
        InputError: they name neither one for all nor one for each.
    """
    chosen = []
    for option in ("series", "frames"):
        named = getattr(args, option)
        if len(named) not in (1, count):
            raise InputError(
                f"--{option} chooses for {len(named)} scans, and {count} {'are' if count > 1 else 'is'} to be read: name one for all, or "
                "one for each."
            )
        chosen.append(named if len(named) == count else named * count)
    return [Choice(series, frames) for series, frames in zip(*chosen, strict=True)]


def _series(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _frames(text: str) -> list[int | None]:
    try:
        return [int(number) if number.strip() else None for number in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a volume, such as 2") from error


def monitor(kind: str) -> Monitor:
    """A monitor that shows progress on standard error; where that is no terminal, the command's heartbeat tells of it.

    The program's signals ask those to stop who hold it.
    """
    if kind == "off":
        return Monitor(cancel=ASKED, log=say)
    if kind == "json":
        return Monitor(
            _print_json, ASKED, lambda message: say(json.dumps({"event": "log", "message": message}))
        )
    if not sys.stderr.isatty():
        return Monitor(note, ASKED, say)
    return Monitor(_Bar() if importlib.util.find_spec("tqdm") else _Lines(), ASKED, say)


BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
"""tqdm's own without the speed: a step is a tile here and a thousandth of a training there."""


class _Bar:
    """One tqdm bar a stage, with the stage's detail behind it; the time left follows from what was done since the bar appeared."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        name, _, detail = stage.partition(DETAIL)
        if name != self._stage or self._bar is None:
            from tqdm import tqdm

            self.close()
            self._stage = name
            self._bar = tqdm(
                total=total,
                initial=done,
                desc=name,
                file=sys.stderr,
                leave=False,
                disable=None,
                bar_format=BAR,
            )
        self._bar.set_postfix_str(detail, refresh=False)
        self._bar.n = done
        self._bar.refresh()
        if done >= total:
            self.close()

    def close(self) -> None:
        """Clear the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


LINE_SECONDS = 10


class _Lines:
    """Where tqdm is not installed: a line for each stage, and one every `LINE_SECONDS` while it goes on."""

    def __init__(self) -> None:
        self._stage = ""
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        name, _, detail = stage.partition(DETAIL)
        if name == self._stage and time.monotonic() < self._next:
            return
        self._stage, self._next = name, time.monotonic() + LINE_SECONDS
        say(f"{name}: {done} of {total}{', ' + detail if detail else ''}")


def _print_json(stage: str, done: int, total: int) -> None:
    name, _, detail = stage.partition(DETAIL)
    say(
        json.dumps(
            {
                "event": "progress",
                "stage": name,
                **({"detail": detail} if detail else {}),
                "done": done,
                "total": total,
            }
        )
    )


def say(message: str) -> None:
    """A line on standard error, above the bar if one is shown."""
    if sys.modules.get("tqdm"):
        from tqdm import tqdm

        tqdm.write(message, file=sys.stderr)
    else:  # then there is no bar, and maybe no tqdm: interpolation runs without
        print(message, file=sys.stderr)
    sys.stderr.flush()
