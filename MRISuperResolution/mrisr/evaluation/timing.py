"""How fast a computer runs a model: on a scan that is made here, so that nothing has to be at hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..compute.device import resolve
from ..image.grid import Grid, Target
from ..image.volume import Volume
from ..models import catalog
from ..models.card import Card, speed_key
from ..pipeline.enhancement import enhance
from ..pipeline.settings import Settings
from ..progress import Monitor
from .card_entries import speed

FILLED = 0.9
"""Of the field's length along each axis, what the made head takes."""


def example_for(card: Card, side: int) -> tuple[Volume, Grid]:
    """A scan of the kind that a model was trained for first, by its lowest factor, and the grid of `side` voxels a side to restore it on.

    A head of one brightness with a little texture, values in [0, 1].
    """
    trained = card.trained[0] if card.trained else None
    refined = trained.refined_axes[0] if trained else 3
    factor = max(1.0, trained.factor[0]) if trained else 2.0
    factors = [factor if axis < refined else 1.0 for axis in range(3)]
    i, j, k = (round(side / f) for f in factors)
    places = np.meshgrid(*(np.linspace(-1, 1, n) for n in (i, j, k)), indexing="ij", sparse=True)
    radius = np.sqrt(sum(place**2 for place in places))
    texture = np.random.default_rng(0).normal(0, 0.02, (i, j, k))
    head = np.where(radius < FILLED, 0.7, 0.0) + texture
    scan = Volume(np.clip(head, 0, 1).astype(np.float32), np.eye(4))
    return scan, Grid((side, side, side), Target.factor(factors).grid(scan.grid).affine)


def measured_speed(
    card: Card,
    settings: Settings,
    machine: str,
    *,
    side: int = 96,
    rounds: int = 2,
    one_thread: bool = False,
    monitor: Monitor | None = None,
) -> dict[str, Any]:
    """A card's `speed` with the one entry that was measured here: the best of a few runs of the whole road.

    Memory is not measured: on a small scan it is that of one tile, from which nothing follows for a large one.

    Args:
        card: of the model.
        settings: device and precision.
        machine: what this computer is called.
        side: voxels on a side of the result.
        rounds: runs; what else the computer does for a moment can only make them slower.
        one_thread: count the process's processor seconds on one thread, for a computer on which other programs run all the time.
        monitor: told which run is being made, asked for cancellation.

    Raises:
        MrisrError: the model or the device cannot be used.
    """
    monitor, (scan, target) = monitor or Monitor(), example_for(card, side)
    model = catalog.load_model(card)
    asked = Settings(model=card, target=target, device=settings.device, precision=settings.precision)
    device = "cpu" if card.sha256 is None else resolve(asked.device, asked.precision).device
    clock = time.process_time if one_thread and device == "cpu" else time.perf_counter
    rows: list[dict[str, float]] = []
    with _threads(1 if one_thread else None):
        for done in range(rounds):
            monitor.step(f"{card.name}, run", done, rounds)
            started = clock()
            record = enhance(scan, asked, monitor=Monitor(cancel=monitor.cancel), model=model).provenance
            rows.append({"seconds": clock() - started, "megavoxels": side**3 / 1e6})
    best = min(rows, key=lambda row: row["seconds"])
    return {speed_key(record["device"], record["precision"]): speed([best], machine)}


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """So many threads for torch; None for as many as it takes."""
    if count is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
