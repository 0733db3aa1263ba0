"""How large a model's errors are on simulated scans whose truth is known, counted by the bins of `trust.interval`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..image.metrics import HEAD
from ..image.normalization import Normalization
from ..image.replacement import replacing
from ..image.volume import Volume
from ..models.base import Model
from ..models.card import Card
from ..physics.interpolation import interpolate
from ..physics.protocols import PROTOCOLS, Protocol, prepare_reference
from ..pipeline.enhancement import enhance
from ..pipeline.settings import Settings
from ..progress import Monitor
from ..trust.interval import SHAPE, bins

MARGIN = 8
"""Voxels at the border of a box, whose restoration lacks neighbors, that do not count."""

LOWEST, RATIO, COUNT = 1e-4, 1.02, 512
"""Errors, as fractions of the brightness, are counted in so many steps of this ratio; the first ends at the lowest."""

ISOTROPIC = ("iso2", "iso2-rect", "iso2-kspace")
SLICES = ("thick4", "thick4-rect", "thick4-gap")
"""The scans that are simulated, each without and with noise: Gaussian, rectangle, part of k-space, gaps between slices."""

NOISES = (0.0, 0.02)

ENDS: NDArray[np.float64] = LOWEST * RATIO ** np.arange(COUNT, dtype=np.float64)
"""Where each step of errors ends."""


@dataclass(frozen=True, eq=False)
class Residuals:
    """One run's errors in the head.

    Args:
        scan: the reference's name, which stands for its subject.
        protocol: how the scan was made.
        noise: that was put in, as a fraction of the brightness.
        seen: the scan's noise as the run estimated it, on the models' scale.
        counts: (bins, COUNT), voxels by bin of `trust.interval.bins` and by error.
    """

    scan: str
    protocol: str
    noise: float
    seen: float
    counts: NDArray[np.int64]


def residuals_of(
    name: str, reference: Volume, model: Model, *, settings: Settings, margin: int = MARGIN, monitor: Monitor
) -> Iterator[Residuals]:
    """A model's errors on scans that are made of one reference; nobody says how they were made, as in ordinary use.

    Args:
        name: the reference's.
        reference: a sharp scan, or a box of one.
        model: loaded.
        settings: device, precision, tile and seed.
        margin: voxels at the border that do not count.
        monitor: told which run is being made, asked for cancellation.
    """
    truth = prepare_reference(reference)
    made = protocols_for(model.card)
    for done, protocol in enumerate(made):
        monitor.step(f"{name}, {protocol.name}, {100 * protocol.noise:g} % noise", done, len(made))
        scan = protocol.simulate(truth, seed=settings.seed)
        asked = replace(settings, model=model.card.name, target=truth.grid)
        result = enhance(scan, asked, model=model)
        scale = Normalization.of(scan.array)
        estimate = scale.apply(result.volume.array)
        measured = scale.apply(scan.array)
        initial = interpolate(measured, scan.grid, truth.grid, model.card.initial)
        error = np.abs(estimate - scale.apply(truth.array))
        inside = _head(truth.array, margin)
        factor = scan.grid.factor_to(truth.grid)
        counts = counted(bins(estimate, initial, factor)[inside], error[inside])
        seen = result.provenance["trust"]["noise"] / scale.scale
        yield Residuals(name, protocol.name, protocol.noise, float(seen), counts)


def protocols_for(card: Card) -> list[Protocol]:
    """How the scans are made that a model is for; of one for any scan, both coarse voxels and thick slices."""
    chosen: list[str] = []
    for names, factor in ((ISOTROPIC, (2.0, 2.0, 2.0)), (SLICES, (4.0, 1.0, 1.0))):
        if card.misfit(factor) is None:
            chosen += names
    if not chosen:
        chosen = [name for name in card.protocols if PROTOCOLS[name].same_matrix]
    return [replace(PROTOCOLS[name], noise=noise) for name in chosen for noise in NOISES]


def counted(where: NDArray[np.int64], error: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many voxels of each bin have an error of each size; an error counts in the first step whose end is not below it."""
    steps = np.ceil(np.log(np.maximum(error.astype(np.float64), LOWEST) / LOWEST) / math.log(RATIO) - 1e-9)
    steps = steps.clip(0, COUNT - 1).astype(np.int64)
    cells = SHAPE[0] * SHAPE[1]
    return np.bincount(where * COUNT + steps, minlength=cells * COUNT).reshape(cells, COUNT)


def kept(place: Path, made_by: str, runs: Sequence[Residuals]) -> None:
    """Write one scan's errors, with what they were made by."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            made_by=np.array(made_by),
            counts=np.stack([run.counts for run in runs]),
            scan=np.array([run.scan for run in runs]),
            protocol=np.array([run.protocol for run in runs]),
            noise=np.array([run.noise for run in runs]),
            seen=np.array([run.seen for run in runs]),
        )


def restored(place: Path, made_by: str) -> list[Residuals]:
    """What `kept` wrote; nothing where there is none, or it was made by something else."""
    if not place.is_file():
        return []
    with np.load(place, allow_pickle=False) as found:
        if str(found["made_by"]) != made_by:
            return []
        return [
            Residuals(str(scan), str(protocol), float(noise), float(seen), counts)
            for scan, protocol, noise, seen, counts in zip(
                *(found[name] for name in ("scan", "protocol", "noise", "seen", "counts")), strict=True
            )
        ]


def _head(truth: NDArray[np.float32], margin: int) -> NDArray[np.bool_]:
    inside = np.zeros(truth.shape, bool)
    inner = tuple(slice(margin, n - margin) for n in truth.shape)
    inside[inner] = truth[inner] > HEAD
    return inside
