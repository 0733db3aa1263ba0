"""How long a command takes before it does anything, in processor seconds of its whole process (`make bench ONLY=start`).

Beside it stands the import of torch, measured in the same minute: the machine and what else runs on it count for both.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import Finding
from mrisr.image.files import write_volume
from mrisr.image.volume import Volume

ROUNDS = 5
"""The best of so many: others can only make it slower."""

TORCH = ["-c", "import torch"]
SHARE, GRACE_S = 1.3, 0.5
"""A run with a network may take so many times the import of torch, and so much more."""


def measure() -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        scan, result = Path(folder, "scan.nii.gz"), Path(folder, "result.nii.gz")
        write_volume(_box(), scan)
        enhance = ["-m", "mrisr", "enhance", str(scan), str(result), "--isotropic", "--overwrite", "-q"]
        commands = {
            "`import torch`": TORCH,
            "`mrisr --help`": ["-m", "mrisr", "--help"],
            "`mrisr models`": ["-m", "mrisr", "models"],
            "cubic": [*enhance, "--model", "cubic"],
            "edsr3d-thick": [*enhance, "--model", "edsr3d-thick"],
        }
        rounds = [{name: _spent(command) for name, command in commands.items()} for _ in range(ROUNDS)]
    best = {name: min(each[name] for each in rounds) for name in commands}
    for name in ("`import torch`", "`mrisr --help`", "`mrisr models`", "cubic"):
        yield Finding(f"{name}, processor seconds, best of {ROUNDS}", best[name], "s")
    yield Finding(
        f"edsr3d-thick, 24³ voxels of 1 x 1 x 2 mm, goal {SHARE} x `import torch` + {GRACE_S} s",
        best["edsr3d-thick"],
        "s",
        ceiling=SHARE * best["`import torch`"] + GRACE_S,
    )


def _box() -> Volume:
    array = np.random.default_rng(0).normal(20, 5, (24, 24, 24)).astype(np.float32)
    array[6:18, 6:18, 6:18] += 700
    return Volume(np.abs(array), np.diag([1.0, 1.0, 2.0, 1.0]))


def _spent(arguments: Sequence[str]) -> float:
    """Processor seconds of a Python process on one thread, its children included."""
    before = os.times()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
