"""How much faster `edsr3d-iso2` is than at commit 8ad9c93, on a head in air and on one that fills its field: fp32, CPU, in one run.

The earlier engine runs from git in a process of its own, as today's does; where the history lacks the commit, nothing is measured.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import Finding

EARLIER = "8ad9c93"
ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import json, sys, time
try:  # as today's programs begin
    from mrisr.compute import heap, threads
    threads.let_threads_sleep()
    heap.keep_freed()
except ImportError:
    pass
import numpy as np
from nilearn.datasets import load_mni152_template
from mrisr import Settings, Target, Volume, enhance
image = load_mni152_template(resolution=2)
brain = Volume(image.get_fdata(dtype=np.float32), np.asarray(image.affine))
filled = np.pad(brain.array[29:69, 34:74, 23:63], 28, mode="reflect")
middle = Volume(np.ascontiguousarray(filled), np.eye(4))
settings = Settings(model="edsr3d-iso2", target=Target.factor(2), device="cpu", precision="fp32")
enhance(Volume(np.ones((8, 8, 8), np.float32), np.eye(4)), settings)
found = []
for scan in (brain, middle):
    started = time.perf_counter()
    enhance(scan, settings)
    found.append(time.perf_counter() - started)
print(json.dumps(found))
"""


def measure() -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / "earlier"
        git = ["git", "-C", str(ROOT), "worktree"]
        if subprocess.run([*git, "add", "--detach", str(earlier), EARLIER], capture_output=True).returncode:
            return
        try:
            before, now = _seconds(earlier), _seconds(ROOT)
        finally:
            subprocess.run([*git, "remove", "--force", str(earlier)], capture_output=True, check=False)
    for name, goal, then, today in zip(
        ("MNI152 head, 2 mm to 1 mm", "a head that fills its field, 192³"),
        (2.0, 1.4),
        before,
        now,
        strict=True,
    ):
        yield Finding(f"seconds at {EARLIER}, {name}", then, "s")
        yield Finding(f"seconds now, {name}", today, "s")
        yield Finding(f"faster than {EARLIER}, {name}", then / today, "x", floor=goal)


def _seconds(root: Path) -> list[float]:
    environment = {"PYTHONPATH": str(root / "MRISuperResolution"), "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    found: list[float] = json.loads(answer.stdout.splitlines()[-1])
    return found
