"""Options and progress that several subcommands share.

Nothing heavy is imported before an option needs it: `cli` says how many threads NumPy may take before it is loaded.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..interruption import ASKED
from ..progress import Monitor
from ._bars import Bar, Lines, Stages, json_log, json_progress, say
from ._heartbeat import note
from ._output import QUIET

if TYPE_CHECKING:
    from ..image.series import Choice
    from ..pipeline.settings import Settings

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


def number_from(least: int) -> Callable[[str], int]:
    """Reads whole numbers from `least` on."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return read


def model_named(text: str) -> str | Path:
    """A model's name; or the folder it lies in, which is told by a slash in it: `./my-model`."""
    separators = filter(None, ("/", os.sep, os.altsep))
    return Path(text).expanduser() if any(each in text for each in separators) else text


def models_named(text: str) -> list[str | Path]:
    """Models, separated by commas."""
    return [model_named(name) for name in names(text)]


def add_model(parser: argparse.ArgumentParser, default: str | None, text: str) -> None:
    """Add --model."""
    parser.add_argument(
        "--model",
        type=model_named,
        default=default,
        metavar="NAME",
        help=f"{text}; see `mrisr models`, or a model's folder as in ./my-model",
    )


COMPUTATION = ("device", "precision", "tile", "seed")
"""The settings that say how to compute."""

RUNS = ("consistency", "samples", "steps")
"""The settings that say how a model is run on a scan."""


def add_settings(
    parser: argparse.ArgumentParser, names: Sequence[str] = (), title: str = "computation"
) -> None:
    """Add the options of these settings, as `Settings` describes them, of all that are options by default; and --threads.

    Args:
        parser: gets them.
        names: of the settings.
        title: over those that say how to compute.
    """
    from ..pipeline.settings import Settings

    group = parser.add_argument_group(title)
    for each in fields(Settings):
        if each.metadata and (not names or each.name in names):
            place = group if each.name in COMPUTATION else parser
            place.add_argument(
                f"--{each.name}", default=each.default, help=each.metadata["help"], **_described(each)
            )
    group.add_argument(
        "--threads",
        type=number_from(1),
        metavar="N",
        help="of the processor (default: all, or what OMP_NUM_THREADS says)",
    )


def _described(setting: Field[Any]) -> dict[str, Any]:
    """How `argparse` reads a setting."""
    if setting.metadata["choices"]:
        return {"choices": setting.metadata["choices"]}
    plain = float if isinstance(setting.default, float) else int
    return {"type": READERS.get(setting.name, plain), "metavar": setting.metadata["mark"]}


def device_named(text: str) -> str:
    """A device's name; whether this machine has it will be said when something is to run there."""
    from ..compute.device import DEVICES, is_device

    if not is_device(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no device; choose one of {', '.join(DEVICES)} or cuda:N"
        )
    return text


READERS: dict[str, Callable[[str], Any]] = {"consistency": str, "device": device_named}
"""Settings that are read in a way of their own."""


def settings_of(args: argparse.Namespace, **more: Any) -> Settings:
    """The settings that the arguments hold, by their names, and what is given beside them."""
    from ..pipeline.settings import Settings, consistency_steps

    held = {
        each.name: getattr(args, each.name)
        for each in fields(Settings)
        if each.metadata and hasattr(args, each.name)
    }
    if "consistency" in held:  # with a sentence of its own where that fails
        held["consistency"] = consistency_steps(held["consistency"])
    return Settings(**{**held, **more})


def add_progress(parser: argparse.ArgumentParser) -> None:
    """Add --progress, --quiet and --verbose, which `monitor` obeys."""
    parser.add_argument(
        "--progress",
        choices=("bar", "json", "off"),
        default="bar",
        help="how progress is shown on standard error; where that is no terminal, bar is a line every 30 s",
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_const",
        dest="progress",
        const=QUIET,
        help="say nothing but what went wrong; the exit code tells the rest",
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="also how long each stage took, and where in the program an error came from",
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
    from ..image.series import Choice

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


def monitor(asked: str | argparse.Namespace) -> Monitor:
    """A monitor that shows progress on standard error; where that is no terminal, the command's heartbeat tells of it.

    The program's signals ask those to stop who hold it.

    Args:
        asked: what `add_progress` added; or --progress alone.
    """
    shown = _shown(asked if isinstance(asked, str) else asked.progress)
    if isinstance(asked, str) or not asked.verbose:
        return shown
    return Monitor(Stages(shown.progress), shown.cancel, shown.log)


def _shown(kind: str) -> Monitor:
    if kind == QUIET:
        return Monitor(cancel=ASKED)
    if kind == "off":
        return Monitor(cancel=ASKED, log=say)
    if kind == "json":
        return Monitor(json_progress, ASKED, json_log)
    if not sys.stderr.isatty():
        return Monitor(note, ASKED, say)
    return Monitor(Bar() if importlib.util.find_spec("tqdm") else Lines(), ASKED, say)
