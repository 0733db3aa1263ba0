"""Trains the 3-D feature network behind the loss `features`: it learns to tell how a scan was degraded."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ...errors import Cancelled
from ...image.replacement import replacing
from ...neural.conditioning import PLAIN
from ...progress import DETAIL, Monitor
from ...training.config import Config
from ...training.data.feed import Feed
from ...training.data.patches import ChunkDataset
from ...training.data.scans import load_scans
from ...training.losses.feature_network import FeatureNetwork
from ...training.options import Options, refuse_unused
from ...training.schedule import Schedule
from ...training.split import find_split

FILE = "features.safetensors"


def train(table: dict[str, Any], options: Options, monitor: Monitor) -> Path:
    """Train it; the folder with `features.safetensors`, which `loss_options.features.weights` may name.

    The table `network` is its constructor's; the loss is the smooth L1 between the answers and the truth.

    Raises:
        MrisrError: the configuration, an option or a scan cannot be used.
    """
    fixed = "leave it out: this training runs on the CPU, with bf16 where it can"
    begins = "leave it out: this training takes minutes and always begins anew"
    refuse_unused(options, table["family"], resume=begins, device=fixed, precision=fixed)
    config = Config.of(table).within(options.budget)
    optimizer = config.optimizer
    split = find_split(config, config.root(options), monitor)
    dataset = ChunkDataset.of(config, load_scans(split.scans, monitor))
    feed = Feed(dataset, config.patches.chunk, optimizer.batch, PLAIN)
    torch.manual_seed(config.seed)
    network = FeatureNetwork(**config.network)
    schedule = Schedule(optimizer.rate, optimizer.warmup, optimizer.steps, 60 * optimizer.budget_minutes)
    _fit(network, feed, schedule, monitor)
    work = options.output or config.work(options)
    work.mkdir(parents=True, exist_ok=True)
    with replacing(work / FILE) as partial:
        partial.write_bytes(save(_weights(network)))
    return work


def _weights(network: FeatureNetwork) -> dict[str, Tensor]:
    """In half precision; the counter of batch norm is not needed to use a network."""
    return {
        name: value.half().contiguous()
        for name, value in network.state_dict().items()
        if value.is_floating_point()
    }


def _fit(network: FeatureNetwork, feed: Feed, schedule: Schedule, monitor: Monitor) -> None:
    optimizer = torch.optim.Adam(network.parameters(), schedule.rate)
    criterion = nn.SmoothL1Loss()
    started = time.perf_counter()
    for step, batch in enumerate(feed.batches()):
        progress = schedule.progress(step, time.perf_counter() - started)
        if progress >= 1:
            return
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate_at(progress, step)
        # Degradations act on the first axes; the features should respond to all alike.
        order = torch.randperm(3)
        with torch.autocast("cpu", torch.bfloat16):
            seen = batch.inputs[:, :1].permute(0, 1, *(order + 2).tolist())
            answers = network(seen.contiguous(memory_format=torch.channels_last_3d))
        loss = criterion(answers.float(), batch.answers[:, [*order.tolist(), 3]])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        try:
            monitor.step(f"training{DETAIL}loss {float(loss.detach()):.4f}", round(1000 * progress), 1000)
        except Cancelled as error:
            raise Cancelled("Stopped; nothing was written, since this training takes minutes.") from error
