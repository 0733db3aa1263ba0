"""A worker that speaks the protocol and computes nothing: ``fake_worker.py BEHAVIOR job.json``."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path


def emit(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def obedient(job: dict) -> int:
    """Works for ever, stops when asked."""
    emit("progress", stage="model", done=3, total=27)
    for line in sys.stdin:
        if line.strip() == "cancel":
            break
    emit("cancelled")
    return 130


def stubborn(job: dict) -> int:
    """Works for ever with a child of its own, and hears nothing."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(f"child {child.pid}", flush=True)
    emit("progress", stage="model", done=1, total=4)
    time.sleep(600)
    return 0


def quick(job: dict) -> int:
    """Gives the input back as the result."""
    emit("progress", stage="model", done=1, total=1)
    shutil.copy(job["input"], job["output"].replace(".mha", ".nrrd"))
    emit(
        "finished",
        output=job["output"].replace(".mha", ".nrrd"),
        residual=None,
        provenance={"model": job["settings"]["model"], "seconds": 0.1},
    )
    return 0


def failing(job: dict) -> int:
    emit("failed", kind="InputError", message="The scan looks like a label map; choose the intensity image.")
    return 2


def crashing(job: dict) -> int:
    print("some library: something is odd", flush=True)
    print("{not json", flush=True)
    print(json.dumps(["no", "event"]), flush=True)
    return 139


def unreadable(job: dict) -> int:
    """Says that it wrote a file, but did not."""
    emit("finished", output=job["output"], residual=None, provenance={"seconds": 1})
    return 0


def laconic(job: dict) -> int:
    """Writes a result, but does not say how it was made."""
    shutil.copy(job["input"], job["output"].replace(".mha", ".nrrd"))
    emit("finished", output=job["output"].replace(".mha", ".nrrd"), residual=None)
    return 0


if __name__ == "__main__":
    behavior, path = sys.argv[1:]
    emit("started", pid=0, device="cpu", device_name="", model="fake")
    sys.exit(globals()[behavior](json.loads(Path(path).read_text(encoding="utf-8"))))
