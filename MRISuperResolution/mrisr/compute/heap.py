"""What the C library does with memory that is freed: keep it for the next volume, or give it back to the system.

A run makes and drops hundreds of volumes. glibc gives each one back at once, and the system fills the next one's pages with zeros before
they may be written: a fifth of the time of a network on a processor. Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""As malloc.h numbers them."""

_SIZES = (2**31 - 1, 2**25)
"""The largest `int`, and the largest that glibc takes before 2.35."""


def keep_freed() -> None:
    """Let this process keep what is freed until `give_back`. For programs; a library leaves its host's memory alone."""
    library = _glibc()
    if library is None:
        return
    for parameter in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
        any(library.mallopt(parameter, size) for size in _SIZES)


def give_back() -> None:
    """Give back to the system what only looks used."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(None)
        library.mallopt, library.malloc_trim  # noqa: B018  another C library has neither
    except (OSError, AttributeError):
        return None
    return library
