"""From a configuration to a trained run folder: what `mrisr train` does for the network families."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed
from torch.utils.data import Dataset

from ..data.feed import Feed
from ..data.pairs import PairDataset, read_pairs
from ..data.patches import Chunk, ChunkDataset
from ..data.scans import Scan, ScanFile, find_scans, load_scan, sharp_axes, split_by_subject
from ..device import resolve
from ..enhance import Settings
from ..errors import ConfigError
from ..files import replacing, stem_of
from ..networks.registry import build_network
from ..progress import Monitor
from ..train import Options
from . import checkpoint
from .config import Config
from .loop import Loop
from .objective import Maker, supervised, teacher_projections
from .report import write_report
from .validation import Validation

CONFIG = "config.json"


def train(table: dict[str, Any], options: Options, monitor: Monitor, make: Maker = supervised) -> Path:
    """Train a network; the run's folder, which `mrisr export` turns into a model.

    Args:
        table: the configuration.
        options: what the command line adds.
        monitor: told of progress, asked whether to stop.
        make: makes what is minimized, if that is not the configuration's losses.

    Raises:
        MrisrError: the configuration or a scan cannot be used, or the training stopped.
    """
    config = _with_budget(Config.of(table), options)
    work = options.work or Path("runs") / config.name
    work.mkdir(parents=True, exist_ok=True)
    root = data_root(config, options)
    files, held = scan_files(config, root)
    names = [stem_of(file.path) for file in files]
    loop = build_loop(config, build_dataset(config, files, root, monitor), work, options, monitor, make=make)
    if config.validation.minutes and held:
        scans = held[: config.validation.quick]
        loop.validator = Validation(config, scans, Settings(device=options.device, precision=options.precision))
    if options.resume and (work / checkpoint.LAST).exists():
        loop.restore(checkpoint.load(work / checkpoint.LAST))
    write_config(work, table, options, names)
    with stopped_by_signals(monitor):
        state = loop.run()
    if loop.accelerator.is_main_process:
        write_report(work, config, state, names)
    return work


def build_dataset(config: Config, files: list[ScanFile], root: Path, monitor: Monitor) -> Dataset[Chunk]:
    """Pairs to train on: simulated ones, or real ones if the configuration names some."""
    projections = int(config.network.get("projections", 0)) or teacher_projections(config)
    if config.data.pairs:
        return PairDataset(read_pairs(root / config.data.pairs, config.initial, projections), config.patches, config.seed)
    return ChunkDataset(
        load_scans(files, monitor),
        config.degradation,
        config.patches,
        config.augmentation,
        kind=config.initial,
        seed=config.seed,
        projections=projections,
    )


def build_loop(
    config: Config, dataset: Dataset[Chunk], work: Path, options: Options, monitor: Monitor, *, make: Maker = supervised
) -> Loop:
    """The loop, ready to run, its network untrained."""
    set_seed(config.seed)
    compute = resolve(options.device, options.precision)
    mixed = "no" if compute.precision == "fp32" else compute.precision
    # A batch may hold nothing for one of the experts.
    shared = DistributedDataParallelKwargs(find_unused_parameters=config.experts > 1)
    accelerator = Accelerator(cpu=compute.device == "cpu", mixed_precision=mixed, kwargs_handlers=[shared])
    feed = Feed(
        dataset,
        chunk=config.patches.chunk,
        batch=config.optimizer.batch,
        phase=config.degradation.refines == "one",
        rank=accelerator.process_index,
        world=accelerator.num_processes,
    )
    try:
        network = build_network(config.family, config.network)
    except (TypeError, KeyError) as error:
        raise ConfigError(f"The table network cannot be used ({error}); see networks/{config.family}.py.") from error
    if config.start:
        network.load_state_dict(checkpoint.starting_weights(config.start, config.experts))
    objective = make(config, network, accelerator)
    return Loop(
        config=config, network=network, objective=objective, feed=feed, work=work, accelerator=accelerator, monitor=monitor
    )


def scan_files(config: Config, root: Path) -> tuple[list[ScanFile], list[Path]]:
    """The scans to train on and those to validate on; no subject is in both."""
    paths = find_scans(root, config.data.train, config.data.exclude) if config.data.train else []
    if config.validation.headline:
        held = find_scans(root, config.validation.headline)
    elif config.validation.protocols and paths:
        paths, held = split_by_subject(paths, config.data.validation_share, config.seed)
    else:
        held = []
    sharp = sharp_axes(root / config.data.index) if config.data.index else {}
    files = []
    for path in paths:
        name = stem_of(path)
        weight = next((w for pattern, w in config.data.weights.items() if fnmatch(name, pattern)), 1.0)
        axes = sharp.get(name, (0, 1, 2))
        if weight > 0 and axes:
            files.append(ScanFile(path, float(weight), axes))
    if not files and not config.data.pairs:
        raise ConfigError("No scan is left to train on; look at data.train, data.exclude and data.weights.")
    return files, held


def load_scans(files: list[ScanFile], monitor: Monitor) -> list[Scan]:
    """All scans in memory, as bytes."""
    from monai.data import CacheDataset

    monitor.step("reading scans", 0, len(files))
    cache = CacheDataset(files, load_scan, num_workers=1, progress=False)
    monitor.step("reading scans", len(files), len(files))
    return [cache[n] for n in range(len(files))]


def data_root(config: Config, options: Options) -> Path:
    """The folder that the configuration's patterns are relative to."""
    return options.data or options.config.parent / config.data.root


@contextmanager
def stopped_by_signals(monitor: Monitor) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask the loop to stop after its step, so that it leaves a checkpoint."""
    def ask(_signal: int, _frame: object) -> None:
        monitor.cancel.cancel()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _with_budget(config: Config, options: Options) -> Config:
    """`--budget` goes before the configuration's; without steps or budget there would be no end."""
    optimizer = config.optimizer
    if options.budget is not None:
        optimizer = replace(optimizer, budget_minutes=options.budget / 60)
    if not optimizer.steps and not optimizer.budget_minutes:
        raise ConfigError("The training has no end; set optimizer.steps or optimizer.budget_minutes, or give --budget.")
    return replace(config, optimizer=optimizer)


def write_config(work: Path, table: dict[str, Any], options: Options, scans: list[str]) -> None:
    """The configuration beside its checkpoints, for `mrisr export`."""
    compute = resolve(options.device, options.precision)
    machine = f"{compute.name}, {torch.get_num_threads()} threads, {compute.precision}"
    record = {"config": table, "recipe": options.config.name, "scans": scans, "machine": machine}
    with replacing(work / CONFIG) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
