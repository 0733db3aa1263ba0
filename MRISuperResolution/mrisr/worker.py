"""The child process of the GUI: `python -m mrisr.worker job.json`.

The job (see `job.Job`):

    {"task": "enhance", "input": "in.nrrd", "output": "out.nrrd", "residual": null, "model": "cubic",
     "target": {"factor": [2, 2, 2]} or {"spacing": [1, 1, 1]} or {"isotropic": true} or null,
     "acquisition": null, "consistency": null, "detail": 1.0, "region": null,
     "device": "auto", "precision": "auto", "tile": null, "seed": 0}
    {"task": "simulate", "input": "in.nrrd", "output": "out.nrrd", "protocol": "iso2", "axis": null, "seed": 0}
    {"task": "batch", "inputs": [...], "outputs": [...], and the settings of enhance}

Standard output carries one JSON object a line:

    {"event": "started", "pid": 1, "model": "cubic", "device": "cpu", "device_name": "x86_64"}
    {"event": "progress", "stage": "model", "done": 3, "total": 27}
    {"event": "log", "message": "..."}
    {"event": "scan", "input": "...", "output": "...", "state": "enhanced" | "skipped" | "failed", "message": "..."}     (batch)
    {"event": "finished", "output": "...", "residual": null, "provenance": {...}}
    {"event": "failed", "kind": "InputError", "message": "..."}
    {"event": "cancelled"}

The line `cancel` on standard input, or its end (the parent died), stops the work. The exit code is 0, 2 for a mistake that the user
can mend, 130 for a cancelled run, 1 for a defect of this software.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO

from . import catalog
from .batch import Outcome, enhance_all, enhance_file
from .device import resolve
from .errors import Cancelled, MrisrError
from .job import Job
from .progress import CancelToken, Monitor
from .simulate import simulate_file

SUCCESS, DEFECT, MISTAKE, CANCELLED = 0, 1, 2, 130


class Events:
    """Writes events, one JSON object a line, flushed so that they arrive when they happen."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event."""
        self._stream.write(json.dumps({"event": event, **fields}) + "\n")
        self._stream.flush()

    def progress(self, stage: str, done: int, total: int) -> None:
        """Report progress."""
        self.emit("progress", stage=stage, done=done, total=total)

    def log(self, message: str) -> None:
        """Report a sentence."""
        self.emit("log", message=message)


def main(job_path: str, stdin: TextIO = sys.stdin, stdout: TextIO = sys.stdout) -> int:
    """Do the job in a file; the exit code."""
    events, cancel = Events(stdout), CancelToken()
    threading.Thread(target=_listen, args=(stdin, cancel), daemon=True).start()
    try:
        job = Job.read(Path(job_path))
        _started(job, events)
        _run(job, Monitor(events.progress, cancel, events.log), events)
    except Cancelled:
        events.emit("cancelled")
        return CANCELLED
    except MrisrError as error:
        events.emit("failed", kind=type(error).__name__, message=str(error))
        return MISTAKE
    except Exception as error:  # the parent shows it; the log keeps where it came from
        traceback.print_exc()
        events.emit("failed", kind=type(error).__name__, message=f"Something unforeseen went wrong ({error}); see the log.")
        return DEFECT
    return SUCCESS


def _listen(stdin: TextIO, cancel: CancelToken) -> None:
    for line in stdin:
        if line.strip() == "cancel":
            break
    cancel.cancel()


def _started(job: Job, events: Events) -> None:
    if job.task == "simulate":
        events.emit("started", pid=os.getpid(), model=None, device="cpu", device_name="")
        return
    card = catalog.find(job.settings.model)
    if card.sha256 is None:
        events.emit("started", pid=os.getpid(), model=card.name, device="cpu", device_name="")
        return
    compute = resolve(job.settings.device, job.settings.precision)
    events.emit("started", pid=os.getpid(), model=card.name, device=compute.device, device_name=compute.name)


def _run(job: Job, monitor: Monitor, events: Events) -> None:
    if job.task == "simulate":
        simulate_file(job.inputs[0], job.outputs[0], job.protocol, axis=job.axis, seed=job.seed, monitor=monitor)
        events.emit("finished", output=str(job.outputs[0]), residual=None, provenance={})
    elif job.task == "enhance":
        result = enhance_file(job.inputs[0], job.outputs[0], job.settings, residual=job.residual, monitor=monitor)
        residual = str(job.residual) if job.residual else None
        events.emit("finished", output=str(job.outputs[0]), residual=residual, provenance=result.provenance)
    else:
        pairs = list(zip(job.inputs, job.outputs, strict=True))
        enhance_all(pairs, job.settings, monitor=monitor, report=lambda outcome: _report(outcome, events))
        events.emit("finished", output=None, residual=None, provenance={})


def _report(outcome: Outcome, events: Events) -> None:
    events.emit(
        "scan", input=str(outcome.source), output=str(outcome.output), state=outcome.state, message=outcome.message
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
