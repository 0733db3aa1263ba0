"""Which model is best on this very scan: the scan is degraded once more by its own acquisition, and each model restores it.

The scan itself is the reference, so that nothing but the scan is needed. The models see a scan that is coarser than those they will be
used on; what carries over is their order, which `Testing/benchmarks/bench_ranking.py` measures against the true one.

Where the acquisition keeps the matrix (a window in k-space, a blur), degrading the scan by it again would change nothing or too little.
There the scan is first brought to the coarser matrix that holds all its detail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..compute.device import resolve
from ..errors import DeviceError, InputError
from ..image.grid import FACTOR_TOLERANCE, Grid
from ..image.metrics import HEAD, RADIUS, Array, Double, less_error_text
from ..image.volume import Volume, check_volume
from ..models import catalog
from ..physics.acquisition import Acquisition
from ..physics.interpolation import KINDS
from ..physics.protocols import prepare_reference
from ..pipeline.planning import plan
from ..pipeline.settings import Settings, informed
from ..progress import Monitor
from .scores import BASELINES, TOLD, Row, load_all, markdown_table, restore_all

LABEL = "own"

BLOCK = 8
"""Side of the blocks, in voxels, whose errors are taken to be independent."""

TRANSFER = 0.65
"""By how many dB (root mean square) gains on scans as scanners make them were more or less than the trial promised: the scan that is tried
is coarser than the one that is meant, see `Testing/benchmarks/bench_ranking.py`."""

DRAWS = 400
"""Of the bootstrap."""


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Args:
        rows: one a model, linear, cubic and lanczos among them; `protocol` is `own`.
        best: the model with the highest PSNR in the head.
        sentence: that, in plain words.
        gain: of the best over cubic interpolation, in dB in the head.
        error: one standard error of the gain that is to be expected on the scan itself: it holds only so much tissue (see `gain_error`),
            and the trial's scan is coarser (`TRANSFER`).
    """

    rows: list[Row]
    best: str
    sentence: str
    gain: float = 0.0
    error: float = 0.0

    @property
    def table(self) -> str:
        """The rows as Markdown; the best model is marked."""
        return markdown_table(self.rows).replace(f"| {self.best} |", f"| **{self.best}** (best) |")


def try_on(
    scan: Volume,
    models: Sequence[str | Path] | None = None,
    settings: Settings | None = None,
    *,
    name: str = "scan",
    monitor: Monitor | None = None,
    report: Callable[[Row], None] = lambda _row: None,
) -> Trial:
    """Degrade a scan once more, restore it with each model, and compare with the scan.

    Args:
        scan: what the user has.
        models: names; None for all that were trained for what is planned. The interpolations are always among them.
        settings: the target and acquisition that are planned for the scan, and device, precision, tile, consistency and seed.
        name: of the scan, for the rows.
        monitor: told which model runs, asked for cancellation.
        report: told of each row as it comes.

    Raises:
        InputError: the scan has too few voxels to be degraded once more.
    """
    settings, monitor = settings or Settings(), monitor or Monitor()
    check_volume(scan)
    settings = informed(settings, scan)
    planned = plan(scan.grid, settings.target, settings.acquisition, known=settings.known)
    acquisition, target = planned.acquisition, planned.target
    reference, degraded = degrade_again(scan, acquisition, target, settings.seed)
    fit = fitting(scan.grid.factor_to(target), acquisition, settings.device) if models is None else models
    loaded = load_all(fit)
    done = restore_all(
        (name, LABEL, TOLD),
        reference,
        degraded,
        acquisition,
        loaded,
        settings=settings,
        monitor=monitor,
        report=report,
    )
    monitor.progress(f"{name}, {LABEL}", len(loaded), len(loaded))
    best = max(done.rows, key=lambda row: row.psnr_mask)
    cubic, nearest = (done.restored[name].array for name in ("cubic", best.model))
    gain, error = gain_error(done.reference.array, cubic, nearest)
    error = math.hypot(error, TRANSFER)
    return Trial(done.rows, best.model, _sentence(best, gain, error), gain, error)


def gain_error(reference: Array, first: Array, second: Array, seed: int = 0) -> tuple[float, float]:
    """By how many dB one restoration is nearer to the reference than another in the head, and one standard error of that.

    Neighboring voxels err together: whole blocks are drawn again, with replacement (Künsch 1989, Ann. Statist. 17(3)).

    Args:
        reference: (i, j, k) on [0, 1].
        first: the one, of the same shape and scale.
        second: the other, whose gain it is.
        seed: of the draws.

    Example:
        >>> truth = np.random.default_rng(0).uniform(0.2, 1, (32, 32, 32)).astype(np.float32)
        >>> noise = np.random.default_rng(1).normal(0, 0.1, truth.shape).astype(np.float32)
        >>> [round(value, 2) for value in gain_error(truth, truth + noise, truth + noise / 2)]
        [6.02, 0.0]
    """
    head = reference > HEAD
    one, other = (_sums(np.square(each - reference, dtype=np.float64) * head) for each in (first, second))
    filled = _sums(head.astype(np.float64)) > 0
    one, other = one[filled], other[filled]
    gain = float(10 * np.log10(one.sum() / max(other.sum(), 1e-12)))
    drawn = np.random.default_rng(seed).integers(len(one), size=(DRAWS, len(one)))
    ratios = one[drawn].sum(axis=1) / np.maximum(other[drawn].sum(axis=1), 1e-12)
    return gain, float(np.std(10 * np.log10(np.maximum(ratios, 1e-12)), ddof=1))


def _sums(values: Double) -> Double:
    """Over the blocks; what is left over at the ends makes smaller ones."""
    for axis, n in enumerate(values.shape):
        values = np.add.reduceat(values, np.arange(0, n, BLOCK), axis=axis)
    return values.ravel()


def degrade_again(
    scan: Volume, acquisition: Acquisition, target: Grid, seed: int = 0
) -> tuple[Volume, Volume]:
    """The scan as a reference on [0, 1], and what the acquisition makes of it.

    Args:
        scan: what the user has.
        acquisition: how it was made, in units of its voxels.
        target: the grid planned for it, which says by how much each axis is to be refined.
        seed: of the noise.
    """
    factor = scan.grid.factor_to(target)
    reference = prepare_reference(scan)
    for axis in range(3):
        reference = _thinned(reference, axis, _excess(acquisition, factor[axis], axis))
    coarse = reference.grid.resampled([1 / f for f in factor])
    if (
        min(n for n, f in zip(reference.shape, factor, strict=True) if n > 1) < 2 * RADIUS + 1
        or min(coarse.shape) < 2
    ):
        raise InputError(
            "The scan has too few voxels to be made coarser once more; compare the models on a larger one."
        )
    return reference, acquisition.simulate(reference, coarse, seed)


def fitting(factor: Sequence[float], acquisition: Acquisition, device: str = "auto") -> list[str]:
    """The models that were trained for this, and are for the device that would be used; without torch, for a processor."""
    try:
        used = resolve(device).device
    except DeviceError:
        used = "cpu"
    scan = (factor, acquisition.kspace, acquisition.profile, acquisition.width)
    return [
        card.name
        for card in catalog.list_models(lambda _broken: None)
        if card.name not in BASELINES and card.is_for(used) and card.misfit(*scan) is None
    ]


def _excess(acquisition: Acquisition, factor: float, axis: int) -> float:
    """By how much an axis of the scan is finer than what the acquisition resolves on it; 1 where the factor itself coarsens it."""
    if factor > 1 + FACTOR_TOLERANCE:
        return 1.0
    width = 1.0 if acquisition.profile[axis] == "none" else max(1.0, acquisition.width[axis])
    return width / acquisition.kspace[axis]


def _thinned(volume: Volume, axis: int, excess: float) -> Volume:
    """The volume on a matrix `excess` times coarser along an axis: its k-space, cut to the part that is filled."""
    n = volume.shape[axis]
    kept = round(n / excess)
    if kept >= n:
        return volume
    from scipy.signal import resample

    array = np.clip(resample(volume.array, kept, axis=axis), 0, 1).astype(np.float32)
    affine = volume.affine.copy()
    affine[:3, axis] *= n / kept
    return Volume(array, affine)


def _sentence(best: Row, gain: float, error: float) -> str:
    if best.model in BASELINES:
        named = f"{best.model} interpolation" if best.model in KINDS else best.model
        return f"On this scan, made coarser once more, no model came nearer to the original than {named} ({best.psnr_mask:.1f} dB)."
    much = f"{less_error_text(gain, error)} than plain interpolation"
    return f"On this scan, made coarser once more, {best.model} came nearest to the original: {much}."
