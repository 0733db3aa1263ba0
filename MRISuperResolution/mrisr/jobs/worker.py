"""The child process of the GUI: `python -m mrisr.worker job.json`.

The job (see `job.Job`):

    {"task": "enhance", "input": "in.nrrd", "output": "out.nrrd", "residual": null, "model": "cubic",
     "target": {"factor": [2, 2, 2]} or {"spacing": [1, 1, 1]} or {"isotropic": true} or null,
     "acquisition": null or "slices:3" (see `stated`), "consistency": null, "detail": 1.0, "region": null,
     "device": "auto", "precision": "auto", "tile": null, "seed": 0, "samples": 1, "steps": null, "spread": null}
    {"task": "simulate", "input": "in.nrrd", "output": "out.nrrd", "protocol": "iso2", "axis": null, "seed": 0}
    {"task": "batch", "inputs": [...], "outputs": [...], and the settings of enhance}
    {"task": "check", "input": "in.nrrd", "modality": null, "model": "cubic", and target and acquisition}
    {"task": "own", "input": "in.nrrd", "models": [...] or null, and target, acquisition, device, precision, tile, consistency, seed}
    {"task": "compare", "input": "out.nrrd", "reference": "good.nrrd", "scan": null, "output": null, "aligned": null}
    {"task": "report", "input": "in.nrrd", "result": "out.nrrd", "output": "report.html", "residual": null, "spread": null,
     "error": null, "rows": null, "provenance": null, "patient": null}
    {"task": "dicom", "input": "out.nrrd", "source": "folder of the scan", "output": "empty folder", "provenance": null}

Standard output carries one JSON object a line:

    {"event": "started", "pid": 1, "model": "cubic", "device": "cpu", "device_name": "x86_64"}
    {"event": "progress", "stage": "model", "done": 3, "total": 27}
    {"event": "log", "message": "..."}
    {"event": "scan", "input": "...", "output": "...", "state": "enhanced" | "skipped" | "failed", "message": "..."}     (batch)
    {"event": "row", "row": {...}}                                                          (own; see `evaluate.Row`)
    {"event": "finished", "output": "...", "residual": null, "spread": null, "provenance": {...}, "trust": {...}}     (enhance)
    {"event": "finished", "warnings": [{"code": "clipped", "sentence": "..."}]}                                       (check)
    {"event": "finished", "rows": [...], "best": "...", "sentence": "...", "table": "..."}                            (own)
    {"event": "finished", "output": null, "aligned": null, "rows": [...], "table": "...", "sentence": "...",
     "rotation_degrees": 1.2, "translation_mm": 3.4}                                                                  (compare)
    {"event": "finished", "output": "report.html"}                                                                    (report)
    {"event": "finished", "output": "folder", "files": 180, "series_uid": "1.2...", "description": "..."}             (dicom)
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

from ..compute.device import resolve
from ..errors import CANCELLED, DEFECT, MISTAKE, SUCCESS, Cancelled, MrisrError
from ..image.files import check_writable, write_volume
from ..models import catalog
from ..pipeline.proposal import AUTO
from ..progress import CancelToken, Monitor
from .batch import Outcome, enhance_all, enhance_file
from .job import Job
from .simulation import simulate_file
from .tasks import TASKS, run_task


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


def main(job_path: str, stdin: TextIO | None = None, stdout: TextIO | None = None) -> int:
    """Do the job in a file; the exit code."""
    events, cancel = Events(stdout or sys.stdout), CancelToken()
    try:
        job = Job.read(Path(job_path))
        _started(job, events)
        # On Windows a library that is imported while another thread waits for input may hang: the reader comes first.
        import SimpleITK  # noqa: F401

        threading.Thread(target=_listen, args=(stdin or sys.stdin, cancel), daemon=True).start()
        _run(job, Monitor(events.progress, cancel, events.log), events)
    except (Cancelled, KeyboardInterrupt):
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
    if job.task not in ("enhance", "batch") or job.settings.model == AUTO:
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
        if job.spread:
            check_writable(job.spread)
        result = enhance_file(job.inputs[0], job.outputs[0], job.settings, residual=job.residual, monitor=monitor)
        if job.spread and result.spread:
            write_volume(result.spread, job.spread)
        residual = str(job.residual) if job.residual else None
        spread = str(job.spread) if job.spread and result.spread else None
        record = result.provenance
        events.emit("finished", output=str(job.outputs[0]), residual=residual, spread=spread, provenance=record, trust=record["trust"])
    elif job.task in TASKS:
        events.emit("finished", **run_task(job, monitor, events.emit))
    else:
        pairs = list(zip(job.inputs, job.outputs, strict=True))
        enhance_all(pairs, job.settings, monitor=monitor, report=lambda outcome: _report(outcome, events))
        events.emit("finished", output=None, residual=None, provenance={})


def _report(outcome: Outcome, events: Events) -> None:
    events.emit(
        "scan", input=str(outcome.source), output=str(outcome.output), state=outcome.state, message=outcome.message
    )


def program() -> None:
    """`main` as a program of its own: SIGTERM stops it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if len(sys.argv) != 2:
        sys.exit("usage: python -m mrisr.worker job.json")
    sys.exit(main(sys.argv[1]))
