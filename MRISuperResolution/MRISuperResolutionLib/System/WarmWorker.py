"""The process that computes: started before it is needed, and kept between runs with its libraries and models."""

import contextlib
import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import qt

from .Dependencies import PACKAGES, versionOf
from .Process import Process, PythonProcess

ENGINE_FOLDER = Path(__file__).resolve().parents[2]
COMMAND = ("-u", "-m", "mrisr.worker")
KEEP_KEY = "MRISuperResolution/KeepMinutes"
KEEP_MINUTES = 10
SHIPPED = ("numpy", "scipy", "SimpleITK", "pydicom", "pillow")
"""What Slicer brings along, and pip may replace."""


def keepMinutes() -> int:
    """How long the process stays without work, a setting of this computer; 0 if it ends with every run."""
    try:
        return max(0, int(float(qt.QSettings().value(KEEP_KEY, KEEP_MINUTES))))
    except (TypeError, ValueError):
        return KEEP_MINUTES


class WarmWorker:
    """At most one living process. It is replaced when it has ended, and when what it was started with has changed.

    :param command: what PythonSlicer runs.
    """

    def __init__(self, command: Sequence[str] = COMMAND, makeProcess=PythonProcess) -> None:
        self.command, self._makeProcess = command, makeProcess
        self._process: Process | None = None
        self._origin: Any = None
        self._unread: list[str] = []
        self._ready = False
        self.busy = False

    @property
    def process(self) -> Process | None:
        """The process, living or not; None before the first and after ``end``."""
        return self._process

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.status is None

    @property
    def ready(self) -> bool:
        """Whether everything is imported, so that a run begins at once."""
        self._unread = self.lines()
        return self._ready and self.alive

    @property
    def crash(self) -> int:
        """The exit code of a process that has died while it had nothing to do; 0 if none has."""
        return 0 if self._process is None or self.alive else self._process.status or 0

    def warm(self) -> None:
        """Start it, if it is to be kept. That it cannot be started is said by the run."""
        if keepMinutes() and not self.busy:
            with contextlib.suppress(OSError):
                self._ensure()

    def hand(self, jobFile: Path) -> Process:
        """Give it a job; ``OSError`` if it cannot be started."""
        process = self._ensure()
        self.busy = True
        process.send(json.dumps({"job": str(jobFile)}))
        return process

    def lines(self) -> list[str]:
        """What it has written since the last call."""
        if self._process is None:
            return []
        found, self._unread = [*self._unread, *self._process.lines()], []
        self._ready = self._ready or any('"event": "ready"' in line for line in found)
        return found

    def release(self, keep: bool) -> None:
        """The job has ended."""
        self.busy = False
        if not (keep and keepMinutes()):
            self.end()

    def setKeepMinutes(self, minutes: int) -> None:
        """Change how long it stays without work, from now on and for good."""
        qt.QSettings().setValue(KEEP_KEY, minutes)
        if self._process is not None:
            self._tellIdle(self._process)
            if not minutes and not self.busy:
                self.end()

    def end(self) -> None:
        """End it with all that it started, at once. The next run starts another one."""
        process, self._process = self._process, None
        self._unread, self._ready, self.busy = [], False, False
        if process is not None:
            process.kill()

    def another(self) -> "WarmWorker":
        """One of the same kind, for a job that comes while this one is busy."""
        return WarmWorker(self.command, self._makeProcess)

    def _ensure(self) -> Process:
        origin = (*self.command,), environment(), packages()
        if self._process is not None and (not self.alive or origin != self._origin):
            self.end()
        if self._process is None:
            process = self._makeProcess()
            process.start([*self.command], ENGINE_FOLDER)
            self._process, self._origin = process, origin
            self._tellIdle(process)
        return self._process

    @staticmethod
    def _tellIdle(process: Process) -> None:
        process.send(json.dumps({"idle": 60 * max(1, keepMinutes())}))


def environment() -> dict[str, str]:
    """The variables that a process takes along when it starts, and whose changes it does not notice."""
    return dict(os.environ)


def packages() -> dict[str, str]:
    """The versions of the packages that it may have imported."""
    return {name: versionOf(name) for name in (*PACKAGES, *SHIPPED)}


@functools.cache
def shared() -> WarmWorker:
    """The one of this Slicer, for the panel and the console."""
    return WarmWorker()
