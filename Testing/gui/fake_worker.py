"""A worker that stays and computes nothing: ``fake_worker.py BEHAVIOR [FILE]``. A behavior returns whether the worker goes on."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path


def emit(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def obedient(job: dict) -> bool:
    """Works for ever, stops when asked."""
    emit("progress", stage="model", done=3, total=27)
    while sys.stdin.readline().strip() not in ("cancel", ""):
        pass
    emit("cancelled")
    return True


def stubborn(job: dict) -> bool:
    """Works for ever with a child of its own, and hears nothing."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(f"child {child.pid}", flush=True)
    emit("progress", stage="model", done=1, total=4)
    time.sleep(600)
    return True


def quick(job: dict) -> bool:
    """Gives the input back as the result."""
    emit("progress", stage="model", done=1, total=1)
    shutil.copy(job["input"], job["output"].replace(".mha", ".nrrd"))
    emit(
        "finished",
        output=job["output"].replace(".mha", ".nrrd"),
        residual=None,
        provenance={"model": job["settings"]["model"], "seconds": 0.1},
    )
    return True


def failing(job: dict) -> bool:
    emit("failed", kind="InputError", message="The scan looks like a label map; choose the intensity image.")
    return True


def crashing(job: dict) -> bool:
    print("some library: something is odd", flush=True)
    print("{not json", flush=True)
    print(json.dumps(["no", "event"]), flush=True)
    sys.exit(139)


def crashingOnce(job: dict) -> bool:
    """Dies of its first job; the file tells the second process that there was one."""
    marker = Path(sys.argv[2])
    if not marker.exists():
        marker.touch()
        os.abort()
    return quick(job)


def idleAtTheWrongMoment(job: dict) -> bool:
    """Ends as an idle worker does, just as it gets its first job."""
    marker = Path(sys.argv[2])
    if not marker.exists():
        marker.touch()
        sys.exit(0)
    return quick(job)


def talkative(job: dict) -> bool:
    """A library writes without an end of line, and an event follows on the same line."""
    print("loading... ", end="", flush=True)
    return quick(job)


def unreadable(job: dict) -> bool:
    """Says that it wrote a file, but did not."""
    emit("finished", output=job["output"], residual=None, provenance={"seconds": 1})
    return True


def laconic(job: dict) -> bool:
    """Writes a result, but does not say how it was made."""
    shutil.copy(job["input"], job["output"].replace(".mha", ".nrrd"))
    emit("finished", output=job["output"].replace(".mha", ".nrrd"), residual=None)
    return True


if __name__ == "__main__":
    emit("ready")
    while line := sys.stdin.readline():
        request = json.loads(line) if line.startswith("{") else {}
        if "job" in request:
            emit("started", pid=os.getpid(), device="cpu", device_name="", model="fake")
            if not globals()[sys.argv[1]](json.loads(Path(request["job"]).read_text(encoding="utf-8"))):
                break
