"""What the C library keeps of freed memory, and what it gives back: looked at from outside, in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from mrisr.compute import heap, threads

SCRIPT = """
import json, sys
import numpy as np
import psutil
from mrisr.compute.heap import give_back, keep_freed

if sys.argv[1] == "keep":
    keep_freed()
size = lambda: psutil.Process().memory_info().rss / 1e6
faults = lambda: int(open("/proc/self/stat").read().split()[9])
before = size()
np.ones(25_000_000, np.float32)
kept, first = size() - before, faults()
for _ in range(5):
    np.ones(25_000_000, np.float32)
again = faults() - first
give_back()
print(json.dumps({"kept": kept, "again": again, "given": size() - before}))
"""

needs_glibc = pytest.mark.skipif(heap._glibc() is None, reason="this system has no glibc")


def looked(*words: str) -> dict[str, float]:
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True, check=True, env=os.environ
    )
    return json.loads(answer.stdout)


@needs_glibc
def test_what_is_freed_is_kept_for_the_next_volume_until_it_is_given_back():
    found = looked("keep")
    assert found["kept"] > 90
    assert found["again"] < 100  # pages; a volume has 24,000
    assert found["given"] < 10


@needs_glibc
def test_without_asking_a_process_keeps_nothing():
    found = looked("leave")
    assert found["kept"] < 10


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_elsewhere_nothing_is_done(platform, monkeypatch):
    monkeypatch.setattr(heap.sys, "platform", platform)
    heap._glibc.cache_clear()
    try:
        heap.keep_freed()
        heap.give_back()
        assert heap._glibc() is None
    finally:
        heap._glibc.cache_clear()


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _name: object())
    heap._glibc.cache_clear()
    try:
        heap.keep_freed()
        heap.give_back()
    finally:
        heap._glibc.cache_clear()


def test_threads_sleep_soon_unless_the_environment_says_otherwise(monkeypatch):
    for name in threads.PATIENCE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "77")
    threads.let_threads_sleep()
    found = {name: os.environ[name] for name in threads.PATIENCE}
    assert found == {**threads.PATIENCE, "GOMP_SPINCOUNT": "77"}


@pytest.mark.parametrize("module", ["mrisr.cli", "mrisr.jobs.worker"])
def test_programs_say_so_before_numpy_and_torch_are_loaded(module):
    script = f"import sys, {module}; print([name for name in ('numpy', 'torch') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
