"""The main memory that is free."""

from __future__ import annotations

from pathlib import Path


def free_memory() -> int | None:
    """Bytes of main memory that can still be allocated; None where neither psutil nor the system tells."""
    try:
        import psutil
    except ImportError:  # as in a fresh Slicer
        return _told_by_linux()
    return int(psutil.virtual_memory().available)


def _told_by_linux() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
