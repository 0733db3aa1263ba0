"""Who does the work, and how much of a computer each worker gets."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass

from ..errors import ConfigError, InputError
from ..image.memory import free_memory
from ..packages import needed_for

LOCAL = "local"
"""Instead of a scheduler's address: one of its own on this computer, for as long as the work lasts."""

ADDRESSES = ("tcp://", "tls://", "ws://", "wss://", "ucx://", "inproc://")

LOOPBACK = "127.0.0.1"

BASE, PER_VOXEL = 1_500_000_000, 150
"""Bytes that a worker takes with its libraries and a network, and for each voxel of the largest result: some 25 volumes in single
precision and half as much again for what lies beside them."""

USUAL = 3_500_000_000
"""Bytes a worker where nobody knows the scans: those of 1 mm over a head, made twice as fine along one axis."""


MOST_MODELS = 3
"""So many models stay loaded where scan follows scan, with their weights checked: one for each contrast, as a rule."""


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    Args:
        scheduler: `local`, or the address of a scheduler that is there, such as `tcp://node7:8786`; empty for a local one where that pays:
            where more than one worker fits and Dask is installed.
        jobs: workers of a local one, at most; 0 for as many as cores, memory and graphics cards allow; 1 without a scheduler is a plain
            loop.
        threads: of each worker; 0 for its share of the cores.
        bind: the address that a local scheduler and its dashboard listen on. Who can reach them can run programs as this user.

    Raises:
        InputError: a value makes no sense.
    """

    scheduler: str = ""
    jobs: int = 0
    threads: int = 0
    bind: str = LOOPBACK

    def __post_init__(self) -> None:
        if self.scheduler not in ("", LOCAL) and not self.scheduler.startswith(ADDRESSES):
            raise InputError(
                f"The scheduler must be {LOCAL} or an address such as tcp://node7:8786; got {self.scheduler!r}."
            )
        if self.jobs < 0 or self.threads < 0:
            raise InputError("The number of jobs and of threads must be 0 (automatic) or more.")

    @property
    def remote(self) -> bool:
        """Whether the scheduler is another program."""
        return self.scheduler not in ("", LOCAL)


@dataclass(frozen=True)
class Share:
    """What each of several workers on this computer gets.

    Args:
        count: of workers; 0 if the work is done in a plain loop.
        threads: to compute with, of each.
        memory: bytes of each; 0 for no bound.
        gpus: what each worker is to see as CUDA's devices, in order; empty where none is used.
    """

    count: int
    threads: int = 1
    memory: int = 0
    gpus: tuple[str, ...] = ()


def has_dask() -> bool:
    """Whether the packages of the extra `cluster` are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("dask", "distributed"))


def check_dask(purpose: str) -> None:
    """Raise `ConfigError`, with what to install, where Dask is not."""
    with needed_for(purpose, ConfigError, ("dask", "distributed")):
        import dask  # noqa: F401
        import distributed  # noqa: F401


def share_of(
    workers: Workers, tasks: int, memory: int = USUAL, gpus: tuple[str, ...] = (), cores: int | None = None
) -> Share:
    """How many workers this computer gets, and what each.

    Args:
        workers: what is asked for.
        tasks: so many scans at most are done at once.
        memory: bytes that one scan takes.
        gpus: the graphics cards, where they do the work: each gets one scan at a time.
        cores: of this computer; None to look.

    Example:
        >>> share_of(Workers("local", jobs=2), tasks=24, cores=8)
        Share(count=2, threads=4, memory=0, gpus=())
    """
    cores = cores or cores_here()
    free = memory_here()
    fitting = cores if free is None else max(1, min(cores, int(0.9 * free) // max(1, memory)))
    count = workers.jobs or (len(gpus) if gpus else fitting)
    count = max(1, min(count, tasks, len(gpus) or count))
    if workers.scheduler == "" and (count == 1 or (workers.jobs == 0 and not has_dask())):
        return Share(0, workers.threads or cores)
    # Where memory is short the cores that are left help the workers that there are.
    return Share(count, workers.threads or max(1, cores // count), 0, gpus[:count])


def need_of(voxels: int) -> int:
    """Bytes that a worker takes for results of so many voxels."""
    return BASE + PER_VOXEL * voxels


def memory_here() -> int | None:
    """Bytes that are free; of a container's share, where Dask can tell."""
    free = free_memory()
    if free is None or not has_dask():
        return free
    from distributed.system import MEMORY_LIMIT

    return min(free, int(MEMORY_LIMIT))


def cores_here() -> int:
    """The cores that this process may use; a container's share of them, where Dask can tell."""
    if importlib.util.find_spec("dask") is not None:
        from dask.system import CPU_COUNT

        return int(CPU_COUNT)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def gpus_here(device: str) -> tuple[str, ...]:
    """The graphics cards that `device` leaves to choose from, one for each worker, as CUDA_VISIBLE_DEVICES names them; empty without any.

    One of several, such as `cuda:1`, is for a single worker, which sees all for its number to hold; so is Apple's, which has no number.
    """
    if device == "cpu":
        return ()
    try:
        import torch
    except ImportError:
        return ()
    count = int(torch.cuda.device_count())  # which starts nothing on them
    named = [each.strip() for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each.strip()]
    cards = tuple(named[:count]) if len(named) >= count else tuple(map(str, range(count)))
    if not cards and device in ("auto", "mps") and torch.backends.mps.is_available():
        return ("",)
    return (",".join(cards),) if cards and ":" in device else cards
