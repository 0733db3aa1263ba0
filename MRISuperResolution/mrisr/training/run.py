"""From a configuration to a trained run folder: what `mrisr train` does for the network families."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs, set_seed
from torch import nn
from torch.utils.data import Dataset

from ..compute.device import resolve
from ..errors import ConfigError
from ..neural.networks import begin_with, build_network
from ..pipeline.settings import Settings
from ..progress import Monitor
from . import checkpoint
from .config import Config
from .data.device import Draws, Maker
from .data.feed import Feed
from .data.pairs import PairDataset, check_pairs, read_pairs
from .data.patches import Chunk, ChunkDataset
from .data.scans import load_scans
from .loop import Loop
from .objective import ObjectiveFactory, inputs_of, supervised
from .options import Options
from .record import write_record
from .report import write_report
from .split import Split, find_split
from .validation import Validation, pair_cases, scan_cases

DRAWING = 4
"""Processes that draw ahead for a graphics card, which makes the pairs itself."""

PATIENCE = timedelta(hours=6)
"""For processes that wait while the first one validates."""


def train(
    table: dict[str, Any], options: Options, monitor: Monitor, make: ObjectiveFactory = supervised
) -> Path:
    """Train a network; the run's folder, which `mrisr export` turns into a model.

    Args:
        table: the configuration.
        options: what the command line adds.
        monitor: told of progress, asked whether to stop.
        make: makes what is minimized, if that is not the configuration's losses.

    Raises:
        MrisrError: the configuration or a scan cannot be used, the folder holds another run, or the training stopped.
    """
    config = Config.of(table).within(options.budget)
    work = config.work(options)
    earlier = _earlier(work, resume=options.resume, monitor=monitor)
    work.mkdir(parents=True, exist_ok=True)
    root = config.root(options)
    split = find_split(config, root, monitor)
    dataset = build_dataset(config, split, monitor)
    loop = build_loop(config, dataset, work, options, monitor, make=make)
    quick = config.validation.quick
    cases = scan_cases(split.headline[:quick], config.validation.protocols) + pair_cases(
        split.held_pairs[:quick]
    )
    if config.validation.minutes and cases:
        loop.validator = Validation(
            config, cases, Settings(device=options.device, precision=options.precision), monitor
        )
    if earlier:
        loop.restore(earlier)
    dry_run(loop)
    if loop.accelerator.is_main_process:
        write_record(work, table, options, split, _factors(dataset))
    state = loop.run()
    if loop.accelerator.is_main_process:
        write_report(work, config, state, split.names)
    return work


def _earlier(work: Path, *, resume: bool, monitor: Monitor) -> dict[str, Any] | None:
    """The checkpoint to go on from, if that was asked for.

    Raises:
        ConfigError: there is one, but it was not asked for.
    """
    path = work / checkpoint.LAST
    if not path.exists():
        if resume:
            monitor.log(f"There is no checkpoint in {work}: the training begins anew.")
        return None
    if not resume:
        raise ConfigError(
            f"{work} holds a training; go on with --resume, choose another folder with --work, or delete it."
        )
    return checkpoint.load(path)


def dry_run(loop: Loop) -> None:
    """One patch through the objective, before hours are spent.

    Raises:
        MrisrError: the scans, the degradation or the network's settings do not go together.
    """
    batch, network = loop.feed.sample(), loop.bare
    with torch.no_grad(), torch.random.fork_rng(), loop.accelerator.autocast():
        try:
            loop.objective(network.eval(), batch, 0)
        except (RuntimeError, ValueError, TypeError) as error:
            shapes = f"{batch.inputs.shape[1]} channels (initial estimates and three planes) of {list(batch.inputs.shape[2:])} voxels"
            mend = "correct the table network or patches.size"
            raise ConfigError(f"The network cannot work on a patch, {shapes}; {mend} ({error}).") from error


def build_dataset(config: Config, split: Split, monitor: Monitor) -> Dataset[Chunk]:
    """Pairs to train on: simulated ones, or real ones if the configuration names some."""
    inputs = inputs_of(config)
    if config.data.pairs:
        pairs = read_pairs(split.pairs, config.initial, inputs, monitor)
        check_pairs(pairs, config.degradation.refines)
        return PairDataset(pairs, config.patches, config.seed)
    return ChunkDataset.of(config, load_scans(split.scans, monitor), inputs)


def build_loop(
    config: Config,
    dataset: Dataset[Chunk],
    work: Path,
    options: Options,
    monitor: Monitor,
    *,
    make: ObjectiveFactory = supervised,
) -> Loop:
    """The loop, ready to run, its network untrained."""
    set_seed(config.seed)
    compute = resolve(options.device, options.precision)
    mixed = "no" if compute.precision == "fp32" else compute.precision
    # A batch may hold nothing for one of the experts.
    handlers = [
        DistributedDataParallelKwargs(find_unused_parameters=config.experts > 1),
        InitProcessGroupKwargs(timeout=PATIENCE),
    ]
    if ":" in compute.device:  # of several graphics cards accelerate takes the current one
        torch.cuda.set_device(compute.device)
    try:
        accelerator = Accelerator(
            cpu=compute.device == "cpu", mixed_precision=mixed, kwargs_handlers=handlers
        )
    except ValueError as error:  # accelerate settles both once for a process
        raise ConfigError(
            "This program has trained on another device or in another precision before; start a new one."
        ) from error
    feed = Feed(
        dataset,
        chunk=config.patches.chunk,
        batch=config.optimizer.batch,
        inputs=inputs_of(config),
        rank=accelerator.process_index,
        world=accelerator.num_processes,
    )
    if isinstance(dataset, ChunkDataset) and accelerator.device.type == "cuda":
        feed = replace(feed, dataset=Draws(dataset), make=Maker(dataset, accelerator.device), workers=DRAWING)
    try:
        network = build_network(config.family, config.network)
    except (TypeError, KeyError, ValueError) as error:
        raise ConfigError(
            f"The table network cannot be used ({error}); see mrisr/families/{config.family}."
        ) from error
    if config.start:
        _begin_with(network, config)
    objective = make(config, network, accelerator)
    return Loop(
        config=config,
        network=network,
        objective=objective,
        feed=feed,
        work=work,
        accelerator=accelerator,
        monitor=monitor,
    )


def _begin_with(network: nn.Module, config: Config) -> None:
    assert config.start
    try:
        begin_with(network, checkpoint.starting_weights(config.start, config.experts))
    except RuntimeError as error:
        raise ConfigError(
            f"The weights of {config.start} do not fit the table network; correct it or the start ({error})."
        ) from error


def _factors(dataset: Dataset[Chunk]) -> list[float] | None:
    """The lowest and the highest factor of real pairs; simulated ones have the configuration's."""
    if not isinstance(dataset, PairDataset):
        return None
    lost = [max(pair.lost) for pair in dataset.pairs]
    return [round(min(lost), 3), round(max(lost), 3)]
