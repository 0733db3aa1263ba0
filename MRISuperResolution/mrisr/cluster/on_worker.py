"""What runs in a worker: one task, with its share of the computer, and a way to stop it.

Names of files stay out of Dask's logs and dashboard: tasks are called by running numbers, and none raises an exception, which Dask would
log together with what the task was given.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from ..compute.heap import keep_freed
from ..errors import Cancelled
from ..image.memory import BOUND
from ..models.kept import KEPT
from ..progress import CancelToken, Monitor
from .outcome import STOPPED, Failed, Work, attempt
from .workers import MOST_MODELS, cores_here

POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_tokens: dict[str, CancelToken] = {}


def perform(work: Work, item: Any, run: str, threads: int) -> Any:
    """What `work` makes of `item`; a `Failed` if it fails or was stopped.

    Args:
        work: see `outcome`.
        item: what it is given.
        run: the run that it belongs to, see `stop`.
        threads: to compute with; 0 for this worker's share of its computer.
    """
    _take_share(threads)
    try:
        return attempt(work, item, Monitor(cancel=_token(run)))
    except Cancelled as error:
        return Failed(STOPPED, str(error))


def stop(run: str) -> None:
    """Stop what this worker does for a run, and what it is still given."""
    _token(run).cancel()


def _token(run: str) -> CancelToken:
    return _tokens.setdefault(run, CancelToken())


def _take_share(threads: int) -> None:
    from distributed import get_worker

    keep_freed()  # where Dask has glibc give every freed page back, a scan takes nearly twice as long
    KEPT.most = max(KEPT.most, MOST_MODELS)
    worker: Any = get_worker()
    slots = max(1, worker.state.nthreads)
    share = threads or max(1, cores_here() // slots)
    for name in POOLS:
        os.environ[name] = str(share)
    if (torch := sys.modules.get("torch")) is not None and torch.get_num_threads() != share:
        torch.set_num_threads(share)
    limit = getattr(worker.memory_manager, "memory_limit", None)
    BOUND.bytes = None if limit is None else int(0.9 * limit) // slots
