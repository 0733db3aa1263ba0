"""Drives one worker: reads its events, passes them on, and ends it when asked."""

import json
import time
from pathlib import Path
from typing import Any, Protocol

import qt
from slicer.i18n import tr as _

from ..System.Process import Process, PythonProcess

POLL_MS = 50
GRACE_S = 1.0
"""How long a worker may take to obey ``cancel`` before its process tree is killed."""

ENGINE_FOLDER = Path(__file__).resolve().parents[2]
WORKER = ["-u", "-m", "mrisr.worker"]
LAST_LINES = 5


class Outcome(Protocol):
    """What the runner tells its owner."""

    def onEvent(self, event: dict[str, Any]) -> None: ...

    def onLine(self, line: str) -> None: ...

    def onEnd(self, final: dict[str, Any]) -> None: ...


class Runner:
    """One run at a time. ``onEnd`` is called once a run, with the worker's last word or one made up for it."""

    def __init__(self, makeProcess=PythonProcess, worker: list[str] | None = None) -> None:
        self._makeProcess = makeProcess
        self._worker = worker or WORKER
        self._process: Process | None = None
        self._outcome: Outcome | None = None
        self._final: dict[str, Any] | None = None
        self._deadline: float | None = None
        self._tail: list[str] = []
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._poll)

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def process(self) -> Process | None:
        return self._process

    def start(self, jobFile: Path, outcome: Outcome) -> None:
        if self.running:
            raise RuntimeError(_("A run is in progress; wait for it or cancel it."))
        process = self._makeProcess()
        process.start([*self._worker, str(jobFile)], ENGINE_FOLDER)
        self._process, self._outcome = process, outcome
        self._final, self._deadline, self._tail = None, None, []
        self._timer.start(POLL_MS)

    def cancel(self) -> None:
        """Ask the worker to stop; it is killed if it has not after the grace time."""
        if self._process is not None and self._deadline is None:
            self._process.send("cancel")
            self._deadline = time.monotonic() + GRACE_S

    def abort(self) -> None:
        """End the worker at once, without telling anybody."""
        if self._process is not None:
            self._release(self._process)

    def _poll(self) -> None:
        process, outcome = self._process, self._outcome
        if process is None or outcome is None:
            return
        for line in process.lines():
            self._take(line, outcome)
            if self._process is not process:
                return  # whoever was told has ended the run
        code = process.exitCode()
        if code is not None:
            self._end(process, outcome, self._final or self._lastWord(code))
        elif self._deadline is not None and time.monotonic() > self._deadline:
            self._end(process, outcome, {"event": "cancelled"})

    def _take(self, line: str, outcome: Outcome) -> None:
        event = _eventIn(line)
        if event is None:
            self._tail = [*self._tail, line][-LAST_LINES:]
            outcome.onLine(line)
        elif event["event"] in ("finished", "failed", "cancelled"):
            self._final = event
        else:
            outcome.onEvent(event)

    def _end(self, process: Process, outcome: Outcome, final: dict[str, Any]) -> None:
        try:
            self._release(process)
        finally:
            outcome.onEnd(final)

    def _release(self, process: Process) -> None:
        """End it; nothing is expected of it any more."""
        self._timer.stop()
        self._process, self._outcome = None, None
        process.kill()

    def _lastWord(self, code: int) -> dict[str, Any]:
        if self._deadline is not None:
            return {"event": "cancelled"}
        message = _(
            "The computation stopped unexpectedly (exit code {code}). If the computer was short of memory, choose "
            "a smaller target, a region or a smaller tile; otherwise see the log."
        ).format(code=code)
        return {"event": "failed", "kind": "Crash", "message": message, "log": self._tail}


def _eventIn(line: str) -> dict[str, Any] | None:
    """The event on a line, or None for text of any other kind."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
