"""The child process of the GUI: `python -m mrisr.worker job.json`.

The job is the request of a task (see `tasks.TASKS`; its fields are those of the task's `Request`) with the task's name:

    {"task": "enhancement", "input": "in.nrrd", "output": "out.nrrd", "residual": null, "settings": {"model": "cubic",
     "target": {"kind": "factor", "values": [2, 2, 2]}, "acquisition": "slices:3", "samples": 1}}
    {"task": "simulation", "input": "in.nrrd", "output": "out.nrrd", "protocol": "iso2", "axis": null, "seed": 0}
    {"task": "comparison", "result": "out.nrrd", "reference": "good.nrrd", "error": "error.nrrd"}

Standard output carries one JSON object a line; the last but of a failure holds the fields of the task's `Reply`:

    {"event": "started", "pid": 1, "model": "cubic", "device": "cpu", "device_name": "x86_64"}
    {"event": "progress", "stage": "model", "done": 3, "total": 27}
    {"event": "log", "message": "..."}
    {"event": "scan", "input": "...", "output": "...", "state": "enhanced" | "skipped" | "failed", "message": "..."}     (batch)
    {"event": "row", "row": {...}}                                                        (trial; see `evaluation.scores.Row`)
    {"event": "finished", "output": "...", "residual": null, "spread": null, "shape": [...], "provenance": {...}}   (enhancement)
    {"event": "failed", "kind": "InputError", "message": "..."}
    {"event": "cancelled"}

The line `cancel` on standard input, or its end (the parent died), stops the work. The exit code is 0, 2 for a mistake that the user
can mend, 130 for a cancelled run, 1 for a defect of this software.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO

from ..codec import encode
from ..compute.device import resolve
from ..errors import CANCELLED, DEFECT, MISTAKE, SUCCESS, Cancelled, MrisrError
from ..models import catalog
from ..pipeline.settings import AUTO, Settings
from ..progress import CancelToken, Monitor
from .tasks import read_job


class Events:
    """Writes events, one JSON object a line, flushed so that they arrive when they happen."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def emit(self, event: str, /, **fields: Any) -> None:
        """Write one event; its fields may be anything that `codec.encode` knows."""
        self._stream.write(json.dumps({"event": event, **encode(fields)}) + "\n")
        self._stream.flush()

    def progress(self, stage: str, done: int, total: int) -> None:
        """Report progress."""
        self.emit("progress", stage=stage, done=done, total=total)

    def log(self, message: str) -> None:
        """Report a sentence."""
        self.emit("log", message=message)


def main(job_path: str, stdin: TextIO | None = None, stdout: TextIO | None = None) -> int:
    """Do the job in a file; the exit code."""
    events, cancel = Events(stdout or sys.stdout), CancelToken()
    try:
        task, request = read_job(Path(job_path))
        _started(request, events)
        # On Windows a library that is imported while another thread waits for input may hang: the reader comes first.
        import SimpleITK  # noqa: F401

        threading.Thread(target=_listen, args=(stdin or sys.stdin, cancel), daemon=True).start()
        reply = task.run(request, Monitor(events.progress, cancel, events.log), events.emit)
        events.emit("finished", **encode(reply))
    except (Cancelled, KeyboardInterrupt):
        events.emit("cancelled")
        return CANCELLED
    except MrisrError as error:
        events.emit("failed", kind=type(error).__name__, message=str(error))
        return MISTAKE
    except Exception as error:  # the parent shows it; the log keeps where it came from
        traceback.print_exc()
        events.emit(
            "failed",
            kind=type(error).__name__,
            message=f"Something unforeseen went wrong ({error}); see the log.",
        )
        return DEFECT
    return SUCCESS


def _listen(stdin: TextIO, cancel: CancelToken) -> None:
    for line in stdin:
        if line.strip() == "cancel":
            break
    cancel.cancel()


def _started(request: Any, events: Events) -> None:
    """Say where the model runs, as soon as that is known."""
    model, device, described = getattr(request, "model", None), "cpu", ""
    card = None if model in (None, AUTO) else catalog.find(model)
    settings: Settings | None = getattr(request, "settings", None)
    if card and settings and card.sha256 is not None:
        compute = resolve(settings.device, settings.precision)
        device, described = compute.device, compute.name
    events.emit("started", pid=os.getpid(), model=card and card.name, device=device, device_name=described)


def program() -> None:
    """`main` as a program of its own: SIGTERM stops it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if len(sys.argv) != 2:
        sys.exit("usage: python -m mrisr.worker job.json")
    sys.exit(main(sys.argv[1]))
