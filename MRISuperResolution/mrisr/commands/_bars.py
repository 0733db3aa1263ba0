"""How progress looks on standard error: bars, lines, or JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, TextIO

from ..progress import DETAIL, Progress

BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
"""tqdm's own without the speed: a step is a tile here and a thousandth of a training there."""


class Bar:
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


class Stages:
    """Says of each stage how long it took, and passes on what it hears."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._stage, self._ended, self._began = progress, "", "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        name = stage.partition(DETAIL)[0]
        self._progress(stage, done, total)
        if name == self._ended and done >= total:
            return
        if name != self._stage:
            self._end()
            self._stage, self._began = name, time.monotonic()
        if done >= total:
            self._end()

    def _end(self) -> None:
        if self._stage:
            say(f"{self._stage}: {time.monotonic() - self._began:.2f} s")
        self._stage, self._ended = "", self._stage


class Whole:
    """Progress of scans that are done one after the other: what is done to one of them is a detail of the whole.

    Args:
        progress: is told.
        count: of scans.
        name: of the whole; what workers tell under it themselves is passed on.
    """

    def __init__(self, progress: Progress, count: int, name: str = "scans") -> None:
        self._progress, self._count, self._name = progress, count, name
        self._done, self._begun = 0, False

    def __call__(self, stage: str, done: int, total: int) -> None:
        own = stage.partition(DETAIL)[0]
        if own == self._name:
            self._progress(stage, done, total)
        else:
            self._begun = True
            self._progress(f"{self._name}{DETAIL}{own} {done}/{total}", self._done, self._count)

    def advance(self) -> None:
        """Another scan is done."""
        self._done += 1
        if self._begun:
            self._progress(self._name, self._done, self._count)


LINE_SECONDS = 10


class Lines:
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


def json_log(message: str) -> None:
    """A sentence for a program that listens."""
    say(json.dumps({"event": "log", "message": message}))


def json_progress(stage: str, done: int, total: int) -> None:
    """Progress for a program that listens."""
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
    put(message, sys.stderr)


def put(message: str, file: TextIO) -> None:
    """A line on standard output or error, above the bar if one is shown."""
    if sys.modules.get("tqdm"):
        from tqdm import tqdm

        tqdm.write(message, file=file)
    else:  # then there is no bar, and maybe no tqdm: interpolation runs without
        print(message, file=file)
    file.flush()
