"""The child process of the GUI: `python -m mrisr.worker job.json` does a job, `python -m mrisr.worker` one after another (see `server`).

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
    {"event": "finished", "output": "...", "residual": null, "spread": null, "interval": null, "shape": [...],
     "provenance": {...}}                                                                                     (enhancement)
    {"event": "failed", "kind": "InputError", "message": "..."}
    {"event": "cancelled"}

Libraries may write text between them. The line `cancel` on standard input, or its end (the parent died), stops the work. The exit code
is 0, 2 for a mistake that the user can mend, 130 for a cancelled run, 1 for a defect of this software.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import NoReturn, TextIO

from ..compute.heap import keep_freed
from ..compute.threads import let_threads_sleep
from ..interruption import ASKED, Interruption, leave
from ..progress import CancelToken
from .events import Events


def main(
    job_path: str,
    stdin: TextIO | None = None,
    stdout: TextIO | None = None,
    cancel: CancelToken | None = None,
) -> int:
    """Do the job in a file; the exit code."""
    cancel = cancel or CancelToken()
    threading.Thread(target=_listen, args=(stdin or sys.stdin, cancel), daemon=True).start()
    from .execution import execute  # which takes long, and only now somebody listens

    return execute(Path(job_path), Events(stdout or sys.stdout), cancel)


def _listen(stdin: TextIO, cancel: CancelToken) -> None:
    for line in stdin:
        if line.strip() == "cancel":
            break
    cancel.cancel()


def private_stdin() -> TextIO:
    """Standard input under another number; who asks for standard input from now on finds it empty.

    On Windows a library that is loaded while a thread waits for input asks for its kind, and hangs until a line comes. And no library
    or child process can take a line away.
    """
    stdin = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return stdin


def program() -> NoReturn:
    """`main` as a program of its own, which SIGTERM stops as Ctrl-C does; without a job, the server."""
    if len(sys.argv) > 2:
        sys.exit("usage: python -m mrisr.worker [job.json]")
    keep_freed()
    let_threads_sleep()
    stdin = private_stdin()
    if len(sys.argv) == 2:
        signals = Interruption()
        code = signals.code(main(sys.argv[1], stdin, cancel=ASKED))
    else:
        from .server import serve

        code = serve(stdin, sys.stdout)
    leave(code)  # a thread still waits for input, and Python would wait for its lock
