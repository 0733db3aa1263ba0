"""A line every half minute where nobody looks at a bar, such as in a log file: whatever a command is doing, it is alive."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from ..progress import DETAIL

EVERY = 30.0
"""Seconds between two lines."""

LOOK = 0.5
"""Seconds between two looks at the clock."""


class Heartbeat:
    """Says now and then what is being done, also while that reports nothing; the first time when it has lasted `EVERY` seconds.

    Args:
        name: of the whole work, told while no stage has been reported.
        write: takes the line.
        clock: seconds, for tests.

    Example:
        >>> with Heartbeat("simulate", print) as heart:
        ...     heart.note("reading", 1, 3)
    """

    def __init__(
        self, name: str, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._write, self._clock = name, write, clock
        self._began = clock()
        self._next = self._began + EVERY
        self._doing = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def note(self, stage: str, done: int, total: int) -> None:
        """Take what is being done, as `progress.Progress` is told it."""
        name, _, detail = stage.partition(DETAIL)
        self._doing = f", {name}: {done} of {total}{', ' + detail if detail else ''}"

    def beat(self) -> None:
        """Write a line if it is time for one."""
        now = self._clock()
        if now >= self._next:
            self._next = now + EVERY
            self._write(f"{self._name}{self._doing} ({_lasted(now - self._began)})")

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK):
            self.beat()


_beating: list[Heartbeat] = []


class CommandHeartbeat:
    """The heartbeat of a command that runs, if nobody looks: standard error is no terminal.

    Args:
        name: of the command.
        write: takes the lines.
        kind: what the user asked to be shown, see `_options.monitor`.
    """

    def __init__(self, name: str, write: Callable[[str], None], kind: str = "bar") -> None:
        wanted = kind == "bar" and not sys.stderr.isatty()
        self._heart = Heartbeat(name, write) if wanted else None

    def __enter__(self) -> None:
        if self._heart is not None:
            _beating.append(self._heart.__enter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._heart is not None:
            self._heart.__exit__(kind, error, trace)
            _beating.remove(self._heart)


def note(stage: str, done: int, total: int) -> None:
    """Tell the running command's heartbeat what is being done; nothing where none beats."""
    for heart in _beating[-1:]:
        heart.note(stage, done, total)


def _lasted(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
