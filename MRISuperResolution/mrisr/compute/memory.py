"""The memory a computation takes at its peak, and what a lack of it looks like."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

from .device import kind_of

SAMPLING_SECONDS = 0.01

LACK = (
    "out of memory", "can't allocate", "not enough memory", "alloc_failed", "invalid buffer size", "unable to find an engine",
)  # fmt: skip
"""How torch, CUDA's libraries and Metal say that memory is short; the last is cuDNN's when its workspace does not fit."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch or of Python tells of a lack of memory, on any device."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in LACK)


class PeakMemory:
    """Measures while its block runs: on a GPU what torch allocated, otherwise how far the process grew.

    The process's size is sampled every 10 ms, so that a shorter peak may be missed.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device, self._on_card = device, kind_of(device) == "cuda"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._start: int | None = None
        self._peak = 0

    @property
    def megabytes(self) -> float | None:
        """Peak minus what was in use at the start, in 10⁶ bytes; None where neither psutil nor the system tells."""
        return None if self._start is None else max(0, self._peak - self._start) / 1e6

    def __enter__(self) -> PeakMemory:
        if self._on_card:
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
            self._start = torch.cuda.memory_allocated(self._device)
        else:
            self._start = _resident()
            if self._start is not None:
                self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._on_card:
            import torch

            self._peak = torch.cuda.max_memory_allocated(self._device)
        elif self._start is not None:
            self._stop.set()
            self._thread.join()
            self._look()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLING_SECONDS):
            self._look()

    def _look(self) -> None:
        self._peak = max(self._peak, _resident() or 0)


def _resident() -> int | None:
    """Bytes of main memory that this process takes; None where neither psutil nor the system tells."""
    try:
        import psutil
    except ImportError:
        return _told_by_linux()
    return int(psutil.Process().memory_info().rss)


def _told_by_linux() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
