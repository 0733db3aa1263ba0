"""The main memory that is free."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Bound:
    """What this process may take in all, where it shares its computer with others.

    Args:
        bytes: so much; None for as much as is free.
    """

    bytes: int | None = None


BOUND = Bound()
"""Of this process."""


def free_memory() -> int | None:
    """Bytes of main memory that can still be allocated; None where neither psutil nor the system tells."""
    try:
        import psutil
    except ImportError:  # as in a fresh Slicer
        return _told_by_linux()
    available = int(psutil.virtual_memory().available)
    if BOUND.bytes is None:
        return available
    return max(0, min(available, BOUND.bytes - int(psutil.Process().memory_info().rss)))


def _told_by_linux() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
