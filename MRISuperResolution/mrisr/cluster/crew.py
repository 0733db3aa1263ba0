"""Gives tasks to workers and brings back what they made, as it comes; bad luck is tried again, and what stays bad is told."""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import secrets
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ..errors import Cancelled, ConfigError
from ..models.kept import KEPT
from ..progress import DETAIL, Monitor
from .local import PATIENCE_S, has_dashboard, local_client
from .on_worker import perform, stop
from .outcome import DEFECT, FILE, LOST, MEMORY, WRITING, Failed, Work, attempt
from .workers import LOOPBACK, MOST_MODELS, Share, Workers, check_dask

POLL_S = 0.2
"""Seconds between two looks whether a stop was asked for."""

LOOK_S = 2.0
"""Seconds between two looks how many workers there are."""

GRACE_S = 20
"""Seconds that tasks have to stop before their workers are ended, or left alone where they are not ours."""

AHEAD = 2
"""Tasks given out for each that a worker can do at once: it never waits for the next, and no scheduler holds all of a large data set."""

CONNECT_S = 30

Outcome = tuple[int, Any]
"""The task's number, and what its work returned, or a `Failed`."""


class Crew(Protocol):
    """Does tasks."""

    def each(self, work: Work, items: Sequence[Any], doing: str) -> Iterator[Outcome]:
        """The outcomes of all items, as they come.

        Args:
            work: see `outcome.Work`.
            items: what it is given, one at a time.
            doing: the name of the stage, for progress.

        Raises:
            Cancelled: a stop was asked for; what is finished stays.
        """


@contextlib.contextmanager
def crew_of(workers: Workers, share: Share, monitor: Monitor) -> Iterator[Crew]:
    """Those who do the work, for as long as the block lasts.

    Args:
        workers: what was asked for.
        share: see `workers.share_of`; not looked at where the scheduler is another program.
        monitor: told of progress, asked for cancellation.

    Raises:
        ConfigError: Dask is not installed, or the scheduler cannot be reached.
    """
    if not workers.remote and not share.count:
        yield Alone(monitor)
        return
    check_dask(f"Running on a scheduler ({workers.scheduler or 'local'})")
    if workers.remote:
        with _client_of(workers.scheduler) as client:
            monitor.log(f"On the scheduler {workers.scheduler}; its dashboard is {client.dashboard_link}.")
            if not client.nthreads():
                monitor.log("It has no workers yet; the scans wait for the first.")
            yield Dask(client, monitor, workers.threads)
        return
    monitor.log(
        f"Starting {share.count} worker{'s' * (share.count > 1)} of {share.threads} thread{'s' * (share.threads > 1)}"
        f"{' and a graphics card' if share.gpus else ''} each."
    )
    with local_client(share, workers.bind) as client:
        monitor.log(_watched_at(client, workers.bind))
        yield Dask(client, monitor, share.threads)


def _watched_at(client: Any, bind: str) -> str:
    if not has_dashboard():
        return "The dashboard needs the Python package bokeh; install with pip install 'bokeh>=3.1'."
    everybody = (
        "" if bind == LOOPBACK else f" It listens on {bind}: whoever reaches it can run programs here."
    )
    return f"The dashboard is {client.dashboard_link}.{everybody}"


@contextlib.contextmanager
def _client_of(address: str) -> Iterator[Any]:
    from distributed import Client

    with _silent_log():
        try:
            client = Client(address, timeout=CONNECT_S, name="mrisr")
        except (OSError, ValueError, TimeoutError) as error:
            raise ConfigError(
                f"The scheduler {address} cannot be reached; check its address, and that it runs."
            ) from error
        with client:
            yield client


@contextlib.contextmanager
def _silent_log() -> Iterator[None]:
    """Dask's client logs no traceback when its scheduler goes away, which a sentence of ours tells."""
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


class Alone:
    """One task after the other, in this process.

    Args:
        monitor: sees what each task does as a detail of the whole.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def each(self, work: Work, items: Sequence[Any], doing: str) -> Iterator[Outcome]:
        """See `Crew`."""
        kept, KEPT.most = KEPT.most, max(KEPT.most, MOST_MODELS)
        number = 0
        try:
            for number, item in enumerate(items):
                self._monitor.step(doing, number, len(items))
                # What is told of one scan alone stands in its record.
                inner = Monitor(self._detail(doing, number, len(items)), self._monitor.cancel)
                yield number, attempt(work, item, inner)
            self._monitor.progress(doing, len(items), len(items))
        except Cancelled as error:
            raise _stopped(number, len(items)) from error
        finally:
            KEPT.most = kept

    def _detail(self, doing: str, number: int, count: int) -> Any:
        return lambda stage, done, total: self._monitor.progress(
            f"{doing}{DETAIL}{stage.partition(DETAIL)[0]} {done}/{total}", number, count
        )


class Dask:
    """Tasks on the workers of a scheduler.

    Args:
        client: of `distributed`, connected.
        monitor: told of progress, asked for cancellation.
        threads: of each task; 0 for its worker's share.
    """

    def __init__(self, client: Any, monitor: Monitor, threads: int = 0) -> None:
        self._client, self._monitor, self._threads = client, monitor, threads
        self._run = secrets.token_hex(4)
        self._look, self._known, self._alone_until = 0.0, 1, math.inf
        cluster = client.cluster
        self._own = 0 if cluster is None else len(cluster.worker_spec)

    def each(self, work: Work, items: Sequence[Any], doing: str) -> Iterator[Outcome]:
        """See `Crew`."""
        round_ = _Round(len(items))
        try:
            while not round_.over:
                self._monitor.step(doing, round_.finished, len(items))
                for number in round_.next(AHEAD * self._slots()):
                    round_.given(number, self._given(work, items[number], f"{number}-{round_.tries[number]}"))
                yield from round_.came(POLL_S)
            self._monitor.progress(doing, len(items), len(items))
        except Cancelled as error:
            self._stop(round_)
            raise _stopped(round_.finished, len(items)) from error
        finally:
            with contextlib.suppress(Exception):  # a scheduler that is gone holds nothing
                self._client.cancel(list(round_.running.values()))

    def _given(self, work: Work, item: Any, name: str) -> Any:
        key = f"scan-{self._run}-{name}"
        return self._client.submit(perform, work, item, self._run, self._threads, key=key, pure=False)

    def _slots(self) -> int:
        if self._client.status == "closed":
            raise ConfigError("The scheduler is gone; the same command goes on where this one stopped.")
        if (now := time.monotonic()) >= self._look:  # workers come and go
            self._look = now + LOOK_S
            there = self._client.nthreads()
            self._known = max(1, sum(there.values()))
            if len(there) < self._own:  # one that dies while it starts is not begun anew by Dask itself
                self._client.cluster.scale(self._own)
            self._alone_until = (
                math.inf if there or not self._own else min(self._alone_until, now + PATIENCE_S)
            )
            if now > self._alone_until:
                raise ConfigError(
                    "No worker starts any more; the same command goes on where this one stopped."
                )
        return self._known

    def _stop(self, round_: _Round) -> None:
        """Ask the tasks to stop, and wait for them as long as is decent."""
        from distributed import wait

        with contextlib.suppress(Exception):  # a cluster in ruins stops by itself
            self._client.run(stop, self._run, on_error="ignore")
            wait(list(round_.running.values()), timeout=GRACE_S)


def _stopped(done: int, count: int) -> Cancelled:
    return Cancelled(
        f"Stopped as asked: {done} of {count} are done and stay; the same command goes on with the other {count - done}."
    )


class _Round:
    """Which tasks wait, which are being done, and which are tried once more.

    A file that cannot be read or written is tried again after all others, for disks have bad moments. What found no memory, or whose
    workers died, is tried alone then: a worker takes along what only waited in it.
    """

    def __init__(self, count: int) -> None:
        self.finished, self._count = 0, count
        self.tries: Counter[int] = Counter()
        self.running: dict[int, Any] = {}
        self._waiting, self._alone = deque(range(count)), deque[int]()
        self._heard: queue.SimpleQueue[int] = queue.SimpleQueue()

    @property
    def over(self) -> bool:
        return self.finished == self._count

    def next(self, room: int) -> Iterator[int]:
        """The tasks to give out now, if so many may be out at once."""
        while self._waiting and len(self.running) < room:
            yield self._waiting.popleft()
        if not self.running and self._alone:
            yield self._alone.popleft()

    def given(self, number: int, future: Any) -> None:
        self.running[number] = future
        future.add_done_callback(lambda _future: self._heard.put(number))

    def came(self, seconds: float) -> Iterator[Outcome]:
        """What has come, after waiting so long at most."""
        try:
            numbers = [self._heard.get(timeout=seconds)]
            while not self._heard.empty():
                numbers.append(self._heard.get())
        except queue.Empty:
            return
        for number in numbers:
            outcome = _outcome_of(self.running.pop(number))
            if isinstance(outcome, Failed) and self._again(number, outcome):
                continue
            self.finished += 1
            yield number, outcome

    def _again(self, number: int, failed: Failed) -> bool:
        self.tries[number] += 1
        if self.tries[number] > 1 or failed.kind not in (FILE, WRITING, MEMORY, LOST):
            return False
        (self._waiting if failed.kind in (FILE, WRITING) else self._alone).append(number)
        return True


def _outcome_of(future: Any) -> Any:
    """What a task returned, or why it did not."""
    from distributed import KilledWorker

    if future.status == "finished":
        return future.result()
    if future.status != "error":
        raise ConfigError("The scheduler dropped its tasks; the same command goes on where this one stopped.")
    error = future.exception()
    if isinstance(error, KilledWorker):
        return Failed(
            LOST,
            "The workers that had it died, as they do when memory runs out: use fewer workers (--jobs), or computers with more memory.",
        )
    return Failed(
        DEFECT,
        f"The worker could not do it ({type(error).__name__}); install the same version of mrisr and of dask there as here.",
    )
