"""Real programs that get a signal at a random moment after their imports, down to the last (`make bench ONLY=signals`)."""

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import Finding
from mrisr.errors import CANCELLED
from mrisr.image.files import write_volume
from mrisr.image.volume import Volume

ROUNDS = 60
PF_EXITING = 4
"""The kernel's flag, as `/proc/PID/stat` has it."""

BEGUN = b"reading"
"""What is in the first line that a program writes once it takes signals."""


def measure() -> Iterator[Finding]:
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "scan.nii.gz"
        write_volume(Volume(np.random.default_rng(0).random((16, 18, 12), dtype=np.float32), np.eye(4)), scan)
        command = [sys.executable, "-m", "mrisr", "enhance", str(scan), str(Path(folder) / "result.nii.gz")]
        command += ["--model", "cubic", "--overwrite", "--progress", "json"]
        _, lasts = _ended(command, None, 0.0)
        ends = [
            _ended(command, random.choice([signal.SIGINT, signal.SIGTERM]), random.uniform(0, 1.2 * lasts))[0]
            for _ in range(ROUNDS)
        ]
    heard = [code for code in ends if code is not None]
    yield Finding(f"programs of {ROUNDS} that lived when their signal came", len(heard), "", floor=ROUNDS / 2)
    wrong = sum(code != CANCELLED for code in heard)
    yield Finding("of these, with another exit code than 130", wrong, "", ceiling=0)


def _ended(command: list[str], number: signal.Signals | None, after: float) -> tuple[int | None, float]:
    """The exit code of a program that gets a signal so long after it has begun, None if it ended before; and how long it took from then."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr
    while BEGUN not in child.stderr.readline():
        pass
    began = time.monotonic()
    time.sleep(after)
    lives = not _is_ending(child.pid)
    if number is not None and lives:
        child.send_signal(number)
    child.communicate()
    return child.returncode if lives else None, time.monotonic() - began


def _is_ending(pid: int) -> bool:
    """Whether the kernel is taking the process down, which is deaf then."""
    flags = int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[6])
    return bool(flags & PF_EXITING)
