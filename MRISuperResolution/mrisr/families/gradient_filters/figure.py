"""A picture of learned filters: what some buckets of a bank do to their neighbors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...models.base import Model
from ...reports.plot import new_figure, save
from .bank import FilterBank
from .buckets import BucketSettings
from .model import GradientFilters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLANES = ("first axis across", "second axis across", "third axis across")


def draw_filters(output: Path, *, model: Model, bank: int) -> None:
    """Write the filters of a model's bank, counted from 0.

    Raises:
        InputError: there is no such bank.
    """
    assert isinstance(model, GradientFilters)
    if not 0 <= bank < len(model.banks):
        raise InputError(
            f"{model.card.name} has {len(model.banks)} banks, counted from 0; there is no bank {bank}."
        )
    save(filters_figure(model.banks[bank][2][0], model.card.title), output)


def bucket_number(
    settings: BucketSettings, direction: tuple[float, float], strength: int, coherence: int
) -> int:
    """The bucket of a direction (θ and φ in radians, in [0, π)) and levels counted from 0, in the first phase."""
    theta, phi = direction
    theta_bin = min(int(theta / math.pi * settings.angles[0]), settings.angles[0] - 1)
    phi_bin = min(int(phi / math.pi * settings.angles[1]), settings.angles[1] - 1)
    place = theta_bin * settings.angles[1] + phi_bin
    return (place * settings.strength + strength) * settings.coherence + coherence


def gallery(settings: BucketSettings) -> list[tuple[str, int]]:
    """A few telling buckets and their captions: four directions, weak and incoherent to strong and coherent."""
    directions = {
        "along k": (0.05, 0.05),
        "along i": (1.6, 0.05),
        "along j": (1.6, 1.6),
        "diagonal": (0.9, 0.8),
    }
    levels = [
        (0, 0),
        (settings.strength // 2, settings.coherence // 2),
        (settings.strength - 1, settings.coherence - 1),
    ]
    return [
        (
            f"{name}\nstrength {s + 1}/{settings.strength}, coherence {c + 1}/{settings.coherence}",
            bucket_number(settings, angles, s, c),
        )
        for s, c in levels
        for name, angles in directions.items()
    ]


def kernel(bank: FilterBank, bucket: int) -> NDArray[np.float32]:
    """(sides) the filter of a bucket with its centre, which makes it sum to 1."""
    weights = bank.filters[bucket].numpy().copy()
    weights[bank.taps.center] = 1 - weights.sum()
    return np.asarray(weights.reshape(bank.taps.sides))


def filters_figure(bank: FilterBank, title: str) -> Figure:
    """Central planes of the filters of a few buckets; red adds, blue takes away, each on the scale of its neighbors."""
    shown = gallery(bank.hashing.buckets)
    columns = len(shown) // 3
    figure = new_figure(figsize=(2.3 * columns * 3 / 2, 2.0 * len(shown) / 2))
    cells = figure.subplots(len(shown) // 2, 6, squeeze=False)
    for number, (caption, bucket) in enumerate(shown):
        weights = kernel(bank, bucket)
        limit = float(bank.filters[bucket].abs().max()) or 1.0
        row, column = divmod(number, 2)
        for axis in range(3):
            ax = cells[row, 3 * column + axis]
            ax.imshow(weights.take(weights.shape[axis] // 2, axis), cmap="RdBu_r", vmin=-limit, vmax=limit)
            ax.set_xticks([])
            ax.set_yticks([])
            ax.set_title(caption if axis == 1 else PLANES[axis], fontsize=7)
    figure.suptitle(title, fontsize=10)
    return figure
