"""What Dask costs and gains, how far its scheduler carries, whether workers keep their size, and how long a run without work takes."""

import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks import Finding, cluster_scans
from mrisr.cluster.crew import Alone, Crew, Dask
from mrisr.cluster.local import local_client
from mrisr.cluster.outcome import Failed
from mrisr.cluster.workers import LOOPBACK, Share
from mrisr.compute.heap import keep_freed
from mrisr.image.memory import BOUND
from mrisr.progress import Monitor

SIDE, SLICES, MODEL = 128, 24, "gradient-filters-thick"
"""A scan that takes 2 s or more of one core."""

SCANS, ROUNDS = 6, 3
"""Scans of a round, of which the fastest counts: what else the machine does for a moment must not."""

SOAKED, SMALL = 200, (48, 48, 12)
SETTLED = 40
"""Scans after which a worker has imported and allocated what it needs."""

MOCKED, NAP_S, TASKS, STUDY = 64, 0.02, 1500, 100_000
"""Workers of the mock cluster, seconds and number of its tasks, and the study that is extrapolated to."""

SHORTEST_S = 2.0
"""Scans that are enhanced as fast as this on that many workers must not wait for the scheduler."""


QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "10s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.worker-ttl": None,
}
"""What workers do beside their tasks they do on computers of their own, not all in one thread of the scheduler's process."""


def measure() -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _second_run(Path(folder))
        yield from _overhead_and_gain(Path(folder))
        yield from _scheduler()
        yield from _soak(Path(folder))


def _timed(crew: Crew, work, items: Sequence) -> tuple[float, list]:
    started = perf_counter()
    outcomes = [outcome for _, outcome in crew.each(work, items, "scans")]
    seconds = perf_counter() - started
    assert not [each for each in outcomes if isinstance(each, Failed)], outcomes[:1]
    return seconds, outcomes


def _scans(folder: Path, name: str, count: int, shape: tuple[int, ...]) -> list[tuple[str, str, str]]:
    """Inputs with outputs of their own; one file serves for all."""
    from engine.bids_dataset import write_scan

    source = folder / f"{'x'.join(map(str, shape))}.nii.gz"
    if not source.exists():
        write_scan(source, shape=shape, spacing=(1, 1, 4))
    return [(str(source), str(folder / name / f"{n}.nii.gz"), MODEL) for n in range(count)]


def _overhead_and_gain(folder: Path) -> Iterator[Finding]:
    import torch

    shape, seconds, asleep = (SIDE, SIDE, SLICES), {}, {}
    torch.set_num_threads(1)
    keep_freed()  # as `mrisr` does

    def measured(crew: Crew, count: int) -> None:
        _timed(crew, cluster_scans.enhance, _scans(folder, f"warm-{count}", 2 * max(1, count), shape))
        seconds[count] = min(
            _timed(crew, cluster_scans.enhance, _scans(folder, f"{count}-{n}", SCANS, shape))[0]
            for n in range(ROUNDS)
        )
        asleep[count], _ = _timed(crew, cluster_scans.sleep, [SHORTEST_S] * SCANS)

    measured(Alone(Monitor()), 0)
    for count in (1, 2):
        with local_client(Share(count, 1), LOOPBACK) as client:
            measured(Dask(client, Monitor(), 1), count)
    yield Finding(
        f"a scan in a plain loop, {SIDE}x{SIDE}x{SLICES}, {MODEL}, one thread", seconds[0] / SCANS, "s"
    )
    yield Finding("one worker over the plain loop", seconds[1] / seconds[0], "x", ceiling=1.1)
    yield Finding("throughput of two workers over one", seconds[1] / seconds[2], "x", floor=1.8)
    yield Finding(
        f"likewise over the plain loop, if a scan slept {SHORTEST_S:g} s",
        asleep[1] / asleep[0],
        "x",
        ceiling=1.1,
    )
    yield Finding("likewise two workers over one", asleep[1] / asleep[2], "x", floor=1.8)


def _scheduler() -> Iterator[Finding]:
    """Workers in threads of this process, so that its memory is the scheduler's, too; tasks that only sleep."""
    import dask.config
    import psutil
    from distributed import Client, LocalCluster

    process, sizes = psutil.Process(), []
    with (
        dask.config.set(QUIET),
        LocalCluster(
            n_workers=MOCKED,
            threads_per_worker=1,
            processes=False,
            dashboard_address=None,
            memory_limit=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, timeout=300) as client,
    ):
        crew = Dask(client, Monitor(), 1)
        _timed(crew, cluster_scans.sleep, [NAP_S] * TASKS)  # tables grow at first
        sizes.append(process.memory_info().rss)
        seconds, _ = _timed(crew, cluster_scans.sleep, [NAP_S] * TASKS)
        sizes.append(process.memory_info().rss)
    BOUND.bytes = None
    rate = TASKS / seconds
    growth = (sizes[1] - sizes[0]) / TASKS
    yield Finding(f"tasks a second, {MOCKED} workers in threads", rate, "", floor=MOCKED / SHORTEST_S)
    yield Finding(f"of them, {STUDY} take the scheduler", STUDY / rate / 60, "min")
    yield Finding("memory of scheduler, client and these workers", sizes[1] / 1e6, "MB")
    yield Finding(f"which after {STUDY} tasks would have grown by", STUDY * growth / 1e6, "MB", ceiling=2000)


def _soak(folder: Path) -> Iterator[Finding]:
    with local_client(Share(1, 1), LOOPBACK) as client:
        _, sizes = _timed(
            Dask(client, Monitor(), 1), cluster_scans.enhance, _scans(folder, "soak", SOAKED, SMALL)
        )
    before, after = median(sizes[SETTLED : SETTLED + 20]), median(sizes[-20:])
    yield Finding(f"a worker's memory after {SETTLED} scans", before / 1e6, "MB")
    yield Finding(f"and its growth until scan {SOAKED}", (after - before) / 1e6, "MB", ceiling=10)


def _second_run(folder: Path) -> Iterator[Finding]:
    from engine.bids_dataset import write_dataset

    root = write_dataset(folder / "study")
    words = ["bids", str(root), str(root / "derivatives" / "mrisr"), "participant", "--model", "cubic"]
    command = [sys.executable, "-m", "mrisr", *words, "--jobs", "1", "--no-reports", "--progress", "off"]
    seconds = []
    for _ in range(4):
        started = perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        seconds.append(perf_counter() - started)
    yield Finding("a second run over 24 scans, best of 3", min(seconds[1:]), "s", ceiling=2 + 0.05 * 24)
