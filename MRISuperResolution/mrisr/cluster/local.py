"""A scheduler of our own with workers on this computer, for as long as the work lasts."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import signal
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any

from ..errors import ConfigError
from ..interruption import SIGNALS
from .on_worker import POOLS
from .workers import LOCAL, Share

PATIENCE_S = 120
"""Seconds that workers may take to start."""

LIVES = 1
"""A scan is given to another worker so often when its worker dies, and once more alone; then it is the reason."""

SETTINGS = {
    "distributed.scheduler.allowed-failures": LIVES,
    "distributed.scheduler.worker-ttl": "30 minutes",
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.worker.profile.enabled": False,  # a history of what each worker did, second by second
    # What a worker holds are not Dask's data: nothing can be put on disk, and waiting does not help.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


@contextlib.contextmanager
def local_client(share: Share, bind: str) -> Iterator[Any]:
    """A client of a scheduler with these workers; all of it ends with the block.

    Args:
        share: how many, and what each gets.
        bind: the address that all of it listens on.

    Raises:
        ConfigError: nothing can listen there.
    """
    import dask.config
    from distributed import Client, Nanny, Scheduler, SpecCluster

    memory: Any = share.memory or _memory_of(share.count)
    common = {"host": bind, "silence_logs": logging.CRITICAL}
    spec = {
        number: {
            "cls": Nanny,
            "options": {
                **common,
                "nthreads": 1,
                "memory_limit": memory,
                "env": _environment(share, number),
                "dashboard": False,
            },
        }
        for number in range(share.count)
    }
    scheduler = {
        "cls": Scheduler,
        "options": {"host": bind, "port": 0, "dashboard": has_dashboard(), "dashboard_address": f"{bind}:0"},
    }
    with dask.config.set(SETTINGS), contextlib.ExitStack() as closing:
        with _deaf():
            try:
                cluster = SpecCluster(spec, scheduler, name=f"mrisr-{LOCAL}", silence_logs=logging.CRITICAL)
            except RuntimeError as error:
                raise ConfigError(
                    f"Nothing can listen on {bind} ({error.__cause__ or error}); name an address of this computer."
                ) from error
            closing.callback(cluster.close, timeout=30)
            client = closing.enter_context(Client(cluster, timeout=PATIENCE_S))
        yield client


def has_dashboard() -> bool:
    """Whether what draws Dask's dashboard is installed."""
    return importlib.util.find_spec("bokeh") is not None


def _memory_of(count: int) -> int:
    """Bytes for each of so many workers: its part of what this computer has."""
    from distributed.system import MEMORY_LIMIT

    return int(MEMORY_LIMIT) // count


def _environment(share: Share, number: int) -> dict[str, str]:
    threads = dict.fromkeys(POOLS, str(share.threads))
    return {**threads, **({"CUDA_VISIBLE_DEVICES": share.gpus[number]} if share.gpus else {})}


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Threads and processes that are begun here, and theirs, hear no Ctrl-C, which a terminal sends to all: only this program does."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # which, begun later, would hear for all that are begun after it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS[:1])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
