"""Whether the spread of a model's samples says how wrong their mean is: a standard deviation should hold 68 % of the errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image.metrics import HEAD, score
from ..image.spectrum import fine_energy
from ..image.volume import Volume
from ..models.base import Model
from ..physics.protocols import Protocol, prepare_reference
from ..pipeline.enhancement import enhance
from ..pipeline.settings import Settings
from ..progress import Monitor

NORMAL = 0.6827
"""Share of a normal distribution within one standard deviation."""

MARGIN = 8
"""Voxels at the border of a box, whose restoration lacks neighbors, that do not count."""


@dataclass(frozen=True, eq=False)
class Errors:
    """The mean of a model's samples against a reference.

    Args:
        scan: its name.
        ratio: |error| over the samples' standard deviation, of every head voxel.
        gain, gain_single: dB over cubic interpolation in the head, of the mean and of one sample.
        fine, fine_single: energy of fine detail over the reference's, of the mean and of one sample; see `fine_energy`.
    """

    scan: str
    ratio: NDArray[np.float32]
    gain: float
    gain_single: float
    fine: float
    fine_single: float

    def within(self, deviations: float) -> float:
        """Share of the head voxels whose error is less than so many (unscaled) standard deviations."""
        return float((self.ratio < deviations).mean())


def measure(
    name: str,
    volume: Volume,
    protocol: Protocol,
    model: Model,
    settings: Settings,
    *,
    side: int | None = None,
    monitor: Monitor | None = None,
) -> Errors:
    """Degrade a scan, restore it with samples and compare.

    Args:
        name: what the result calls the scan.
        volume: the reference.
        protocol: how it is degraded.
        model: what restores it.
        settings: with 2 samples or more; model, target and acquisition are set here.
        side: of a box in the scan's middle, in voxels, to which all is restricted; None for the whole scan.
        monitor: told of progress, asked for cancellation.
    """
    if settings.samples < 2:
        raise InputError(f"A spread needs 2 samples or more; got {settings.samples}.")
    reference = middle(prepare_reference(volume), side)
    acquisition = protocol.acquisition(protocol.affected(reference.orientation))
    scan = protocol.simulate(reference, seed=settings.seed)
    settings = replace(settings, model=model.card.name, target=reference.grid, acquisition=acquisition)
    several = enhance(scan, settings, model=model, monitor=monitor)
    single = enhance(scan, replace(settings, samples=1), model=model, monitor=monitor).volume.array
    cubic = enhance(scan, replace(settings, model="cubic", samples=1)).volume.array
    assert several.spread is not None
    raw = several.spread.array / np.float32(model.card.spread_scale)
    error = np.abs(several.volume.array - reference.array)
    inside = reference.array > HEAD
    inside &= _inner(inside.shape, MARGIN if side else 0)
    base, whole = score(reference.array, cubic).psnr_mask, fine_energy(reference.array)
    return Errors(
        name,
        (error / np.maximum(raw, 1e-6))[inside],
        score(reference.array, several.volume.array).psnr_mask - base,
        score(reference.array, single).psnr_mask - base,
        fine_energy(several.volume.array) / whole,
        fine_energy(single) / whole,
    )


def fitted_scale(errors: Sequence[Errors]) -> float:
    """What the standard deviation must be multiplied by to hold 68.3 % of the errors; every scan counts the same."""
    quantiles = [float(np.quantile(e.ratio, NORMAL)) for e in errors]
    return float(np.exp(np.mean(np.log(quantiles))))


def middle(volume: Volume, side: int | None) -> Volume:
    """The box of this side (even, at most the volume's) in the middle, beginning at an even voxel."""
    if side is None:
        return volume
    sizes = [min(n, side) // 2 * 2 for n in volume.shape]
    i, j, k = ((n - size) // 4 * 2 for n, size in zip(volume.shape, sizes, strict=True))
    return volume.cropped((i, j, k), (i + sizes[0], j + sizes[1], k + sizes[2]))


def _inner(shape: Sequence[int], margin: int) -> NDArray[np.bool_]:
    inner = np.zeros(shape, bool)
    inner[tuple(slice(margin, n - margin) for n in shape)] = True
    return inner
