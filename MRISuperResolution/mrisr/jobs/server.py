"""A worker that stays: one job after another, with what they need already imported, and the last models loaded.

Standard input carries one request a line:

    {"job": "/path/job.json"}     do this job, and tell of it as `worker` says; the last word is finished, failed or cancelled
    {"idle": 600}                 end after so many seconds without a job
    {"cancel": true}              stop the job that was asked for last; `cancel` alone says the same

Once everything is imported an event `ready` is written. A job that is cancelled before it has begun is not begun. When standard input
ends the parent has died or wants no more: the process ends as soon as the job obeys, and after `GRACE` seconds in any case.
"""

from __future__ import annotations

import _thread
import json
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from ..errors import CANCELLED, SUCCESS
from ..interruption import Interruption
from ..progress import CancelToken
from .events import Events

IDLE = 600.0
"""Seconds without a job after which it ends, where nobody says."""

GRACE = 2.0
"""Seconds that a job has to obey when standard input has ended."""

MOST_MODELS = 3
"""So many models stay loaded: who compares goes to and fro between a few."""


@dataclass(eq=False)
class _Job:
    """One request: `begun` once it is being done, `dropped` if it is not to be."""

    path: Path
    cancel: CancelToken = field(default_factory=CancelToken)
    begun: bool = False
    dropped: bool = False


class Server:
    """Does the jobs that come, one at a time, in the thread that calls `serve`; another one reads requests.

    Args:
        stdin, stdout: requests and events.
        end: ends the process at once, with an exit code.
    """

    def __init__(self, stdin: TextIO, stdout: TextIO, end: Callable[[int], object] = os._exit) -> None:
        self._stdin, self._end = stdin, end
        self._events = Events(stdout)
        # Signal handlers may put something into a SimpleQueue while their thread waits for it.
        self._queue: queue.SimpleQueue[_Job | Literal["new idle time"] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._latest: _Job | None = None
        self._idle = IDLE
        self._over = threading.Event()

    def serve(self) -> int:
        """Work until standard input ends, nothing is asked for long enough, or the device is beyond repair; the exit code."""
        threading.Thread(target=self._read, daemon=True).start()
        from ..models.kept import KEPT  # all that takes long only now that somebody listens
        from . import upkeep

        KEPT.most = MOST_MODELS
        upkeep.wake_up()
        self._events.emit("ready")
        while (job := self._next()) is not None and self._do(job):
            pass
        self._over.set()
        return SUCCESS

    def stop(self) -> None:
        """End as soon as the job that is being done obeys, and after a short grace in any case; signal handlers may call it."""
        if self._latest is not None:
            self._latest.cancel.cancel()
        self._queue.put(None)
        # Without the locks of `threading`, which the interrupted thread may hold.
        _thread.start_new_thread(self._end_after_grace, ())

    def _next(self) -> _Job | None:
        """The next job; None if there will be none."""
        item: _Job | str | None = ""
        while isinstance(item, str):
            try:
                item = self._queue.get(timeout=self._idle)
            except queue.Empty:
                return None
        return item

    def _do(self, job: _Job) -> bool:
        """Do a job; whether another one can be done."""
        from . import upkeep
        from .execution import execute

        with self._lock:
            if job.dropped:
                return True
            job.begun = True
        upkeep.get_ready()
        code = execute(job.path, self._events, job.cancel)
        upkeep.tidy_up()
        return code == SUCCESS or upkeep.is_sound()

    def _read(self) -> None:
        for line in self._stdin:
            if line.endswith("\n"):  # the parent may have died on the way
                self._take(line.strip())
        self.stop()

    def _take(self, line: str) -> None:
        request = {"cancel": True} if line == "cancel" else _parsed(line)
        match request:
            case {"cancel": True}:
                self._cancel()
            case {"job": str(path)}:
                job = _Job(Path(path))
                with self._lock:
                    self._latest = job
                self._queue.put(job)
            case {"idle": int(seconds) | float(seconds)}:
                self._idle = float(seconds)
                self._queue.put("new idle time")
            case _ if line:
                self._events.log(f"The worker does not understand the request {line[:200]!r}.")

    def _cancel(self) -> None:
        with self._lock:
            job = self._latest
            if job is None or job.dropped:
                return
            job.cancel.cancel()
            job.dropped = not job.begun
        if job.dropped:
            self._events.emit("cancelled")

    def _end_after_grace(self) -> None:
        if not self._over.wait(GRACE):
            self._end(CANCELLED)


def _parsed(line: str) -> dict[str, Any]:
    """The JSON object in a line; an empty one if there is none."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return request if isinstance(request, dict) else {}


def serve(stdin: TextIO, stdout: TextIO) -> int:
    """A server that signals end as the end of standard input does; the exit code."""
    server = Server(stdin, stdout)
    return Interruption(server.stop).code(server.serve())
