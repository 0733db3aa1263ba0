"""Which model is best on this very scan: the scan is degraded once more by its own acquisition, and each model restores it.

The scan itself is the reference, so that nothing but the scan is needed. The models see a scan that is coarser than those they will be
used on; what carries over is their order, which `Testing/benchmarks/bench_ranking.py` measures against the true one.

Where the acquisition keeps the matrix (a window in k-space, a blur), degrading the scan by it again would change nothing or too little.
There the scan is first brought to the coarser matrix that holds all its detail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..compute.device import resolve
from ..errors import DeviceError, InputError
from ..image.grid import FACTOR_TOLERANCE, Grid
from ..image.metrics import RADIUS, less_error_text
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


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Args:
        rows: one a model, linear, cubic and lanczos among them; `protocol` is `own`.
        best: the model with the highest PSNR in the head.
        sentence: that, in plain words.
    """

    rows: list[Row]
    best: str
    sentence: str

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
    return Trial(done.rows, best.model, _sentence(best, done.rows))


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


def _sentence(best: Row, rows: Sequence[Row]) -> str:
    cubic = next(row for row in rows if row.model == "cubic")
    gain = best.psnr_mask - cubic.psnr_mask
    if best.model in BASELINES:
        named = f"{best.model} interpolation" if best.model in KINDS else best.model
        return f"On this scan, made coarser once more, no model came nearer to the original than {named} ({best.psnr_mask:.1f} dB)."
    much = f"{less_error_text(gain)} than plain interpolation"
    return f"On this scan, made coarser once more, {best.model} came nearest to the original: {much}."
