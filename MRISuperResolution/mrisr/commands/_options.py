"""Options and progress that several subcommands share."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from typing import Any

from ..compute.device import DEVICES, PRECISIONS
from ..jobs.job import consistency_steps
from ..pipeline.enhancement import Settings
from ..progress import DETAIL, Monitor

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


def add_compute(parser: argparse.ArgumentParser) -> None:
    """Add --device, --precision, --tile and --seed."""
    group = parser.add_argument_group("computation")
    group.add_argument("--device", choices=DEVICES, default="auto", help="auto takes cuda, mps, cpu in this order")
    group.add_argument("--precision", choices=PRECISIONS, default="auto", help="auto takes bf16 where the hardware has it")
    group.add_argument("--tile", type=int, metavar="N", help="side of the tiles in voxels (default: what fits the memory)")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="for models and protocols that draw random numbers")


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Add --consistency, --samples and --steps: how a model is run on a scan."""
    parser.add_argument("--consistency", metavar="off|N", help="steps towards agreement with the scan (default: the model's)")
    parser.add_argument("--samples", type=int, default=1, metavar="N", help="mean of N runs: the scan flipped (at most 8), or N seeds")
    parser.add_argument("--steps", type=int, metavar="N", help="of models that work in steps (default: the model's)")


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that `add_runs` and `add_compute` asked for."""
    return Settings(
        consistency=consistency_steps(args.consistency),
        device=args.device,
        precision=args.precision,
        tile=args.tile,
        seed=args.seed,
        samples=args.samples,
        steps=args.steps,
    )


def add_progress(parser: argparse.ArgumentParser) -> None:
    """Add --progress."""
    parser.add_argument(
        "--progress", choices=("bar", "json", "off"), default="bar", help="how progress is shown on standard error"
    )


def monitor(kind: str) -> Monitor:
    """A monitor that shows progress on standard error."""
    if kind == "off":
        return Monitor(log=say)
    if kind == "json":
        return Monitor(_print_json, log=lambda message: say(json.dumps({"event": "log", "message": message})))
    return Monitor(_Bar() if importlib.util.find_spec("tqdm") else _Lines(), log=say)


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
            self._bar = tqdm(total=total, initial=done, desc=name, file=sys.stderr, leave=False, disable=None, bar_format=BAR)
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
    """Where tqdm is not installed: on a terminal a line for each stage, and one every `LINE_SECONDS` while it goes on."""

    def __init__(self) -> None:
        self._stage = ""
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        name, _, detail = stage.partition(DETAIL)
        if not sys.stderr.isatty() or (name == self._stage and time.monotonic() < self._next):
            return
        self._stage, self._next = name, time.monotonic() + LINE_SECONDS
        say(f"{name}: {done} of {total}{', ' + detail if detail else ''}")


def _print_json(stage: str, done: int, total: int) -> None:
    name, _, detail = stage.partition(DETAIL)
    say(json.dumps({"event": "progress", "stage": name, **({"detail": detail} if detail else {}), "done": done, "total": total}))


def say(message: str) -> None:
    """A line on standard error, above the bar if one is shown."""
    if sys.modules.get("tqdm"):
        from tqdm import tqdm

        tqdm.write(message, file=sys.stderr)
    else:  # then there is no bar, and maybe no tqdm: interpolation runs without
        print(message, file=sys.stderr)
    sys.stderr.flush()
