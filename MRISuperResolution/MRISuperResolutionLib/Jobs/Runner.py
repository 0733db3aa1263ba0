"""Hands jobs to the worker: reads its events, passes them on, and ends it when it does not obey."""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import qt
from slicer.i18n import tr as _

from ..System import WarmWorker
from ..System.Process import Process

POLL_MS = 20
GRACE_S = 1.0
"""How long a worker may take to obey ``cancel`` before its process tree is killed."""

BLOCKED_S = 0.005
"""How long ``run`` sleeps between two looks."""

LAST_LINES = 5

EVENT = '{"event": '
"""How the line of an event begins. A library's text without an end of line may stand before it."""


class Outcome(Protocol):
    """What the runner tells its owner."""

    def onEvent(self, event: dict[str, Any]) -> None: ...

    def onLine(self, line: str) -> None: ...

    def onEnd(self, final: dict[str, Any]) -> None: ...


class Runner:
    """One run at a time. ``onEnd`` is called once a run, with the worker's last word or one made up for it.

    :param worker: what computes; the one of this Slicer by default. While it is busy with another runner's job, a run gets its own.
    """

    def __init__(self, worker: WarmWorker.WarmWorker | None = None) -> None:
        self.worker = worker or WarmWorker.shared()
        self._used = self.worker
        self._jobFile = Path()
        self._outcome: Outcome | None = None
        self._final: dict[str, Any] | None = None
        self._deadline: float | None = None
        self._tail: list[str] = []
        self._begun = self._repeated = False
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._poll)

    @property
    def running(self) -> bool:
        return self._outcome is not None

    @property
    def process(self) -> Process | None:
        """The worker's process, computing or not."""
        return self._used.process

    def start(self, jobFile: Path, outcome: Outcome) -> None:
        """Hand a job over and return; Qt's event loop drives the rest. ``OSError`` if the worker cannot be started."""
        self._hand(jobFile, outcome)
        self._timer.start(POLL_MS)

    def run(self, jobFile: Path, outcome: Outcome, isCancelled: Callable[[], bool]) -> None:
        """Hand a job over and return when it has ended. ``OSError`` if the worker cannot be started."""
        self._hand(jobFile, outcome)
        try:
            while self.running:
                self._poll()
                if isCancelled():
                    self.cancel()
                time.sleep(BLOCKED_S)
        finally:
            self.abort()  # a key was pressed, or the outcome failed

    def cancel(self) -> None:
        """Ask the worker to stop; it is killed if it has not after the grace time."""
        if self.running and self._deadline is None and self.process is not None:
            self.process.send("cancel")
            self._deadline = time.monotonic() + GRACE_S

    def abort(self) -> None:
        """End the worker at once if it is computing, without telling anybody."""
        if self.running:
            self._release(keep=False)

    def _hand(self, jobFile: Path, outcome: Outcome) -> None:
        if self.running:
            raise RuntimeError(_("A run is in progress; wait for it or cancel it."))
        self._used = self.worker.another() if self.worker.busy else self.worker
        crash = self._used.crash
        self._used.hand(jobFile)
        self._jobFile, self._outcome = jobFile, outcome
        self._final, self._deadline, self._tail = None, None, []
        self._begun = self._repeated = False
        if crash:
            outcome.onLine(_startedAgain(crash))

    def _poll(self) -> None:
        process, outcome = self.process, self._outcome
        if process is None or outcome is None:
            return
        for line in self._used.lines():
            self._take(line, outcome)
            if self._outcome is not outcome:
                return  # whoever was told has ended the run
        code = process.exitCode()
        if self._final is not None:
            self._end(self._final, keep=True)
        elif code is not None:
            self._died(code, outcome)
        elif self._deadline is not None and time.monotonic() > self._deadline:
            self._end({"event": "cancelled"}, keep=False)

    def _take(self, line: str, outcome: Outcome) -> None:
        text, event = _split(line)
        if text:
            self._tail = [*self._tail, text][-LAST_LINES:]
            outcome.onLine(text)
        if event is None or self._outcome is not outcome:
            return
        if event["event"] in ("finished", "failed", "cancelled"):
            self._final = event
        else:
            self._begun = self._begun or event["event"] == "progress"
            outcome.onEvent(event)

    def _died(self, code: int, outcome: Outcome) -> None:
        """What has not begun is begun once more, by another process. It may have been about to end when it got the job."""
        if self._begun or self._repeated or self._deadline is not None:
            self._end(self._lastWord(code), keep=False)
            return
        self._repeated = True
        try:
            self._used.hand(self._jobFile)
        except OSError:
            self._end(self._lastWord(code), keep=False)
            return
        if code:
            outcome.onLine(_startedAgain(code))

    def _end(self, final: dict[str, Any], keep: bool) -> None:
        outcome = self._outcome
        try:
            self._release(keep)
        finally:
            if outcome is not None:
                outcome.onEnd(final)

    def _release(self, keep: bool) -> None:
        """Nothing is expected of the worker any more."""
        self._timer.stop()
        self._outcome = None
        self._used.release(keep and self._used is self.worker)

    def _lastWord(self, code: int) -> dict[str, Any]:
        if self._deadline is not None:
            return {"event": "cancelled"}
        message = _(
            "The computation stopped unexpectedly (exit code {code}). If the computer was short of memory, choose "
            "larger voxels, a region or smaller blocks (Region, output and advanced); otherwise see the log."
        ).format(code=code)
        return {"event": "failed", "kind": "Crash", "message": message, "log": self._tail}


def _startedAgain(code: int) -> str:
    return _(
        "The process that computes had ended unexpectedly (exit code {code}) and was started again."
    ).format(code=code)


def _split(line: str) -> tuple[str, dict[str, Any] | None]:
    """The text and the event on a line, either of which may be missing."""
    text, mark, rest = line.partition(EVENT)
    if mark:
        with contextlib.suppress(ValueError):
            event = json.loads(mark + rest)
            if isinstance(event, dict):
                return text, event
    return line, None
