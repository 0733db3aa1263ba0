"""Pictures of slices: what was measured, what the models made of it, and how far each is from the reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .evaluate import Comparison
from .files import replacing
from .provenance import STATEMENT
from .volume import Volume

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLANES = ("sagittal", "coronal", "axial")
ERROR_RANGE = 0.2
"""Errors are drawn from −0.2 to 0.2 of the reference's brightness."""


def comparison_figure(comparison: Comparison, models: Sequence[str], planes: Sequence[str] = PLANES) -> Figure:
    """Rows of slices through the middle of the head: reference, scan, each model, all at the same gray scale, and each model's error.

    Args:
        comparison: from `evaluate.compare`.
        models: which of its models to draw.
        planes: one row each, of `PLANES`.
    """
    from matplotlib.figure import Figure

    reference = comparison.reference
    nearest = _nearest(comparison.degraded, reference)
    errors = {m: comparison.restored[m].array - reference.array for m in models}
    columns: list[tuple[str, NDArray[Any], bool]] = [("reference", reference.array, False), ("scan", nearest, False)]
    columns += [(_caption(comparison, m), comparison.restored[m].array, False) for m in models]
    columns += [(f"error of {m}", errors[m], True) for m in models]
    figure = Figure(figsize=(2.6 * len(columns), 2.9 * len(planes) + 0.5), facecolor="black", layout="constrained")
    axes = figure.subplots(len(planes), len(columns), squeeze=False)
    for ax, (title, _, _) in zip(axes[0], columns, strict=True):
        ax.set_title(title, color="white", fontsize=9)
    for row, plane in zip(axes, planes, strict=True):
        for ax, (_, array, is_error) in zip(row, columns, strict=True):
            _draw(ax, reference.with_array(array), plane, is_error)
    figure.supxlabel(f"{comparison.rows[0].protocol}. {STATEMENT}", color="white", fontsize=8)
    return figure


def save(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write a figure; the suffix says how."""
    with replacing(path) as partial:
        figure.savefig(partial, dpi=dpi, facecolor=figure.get_facecolor())


def slice_of(volume: Volume, plane: str) -> tuple[NDArray[Any], float]:
    """The middle slice in a plane as radiologists look at it (patient's right on the left), and its pixels' height over width."""
    normal = PLANES.index(plane)
    world = [next(a for a in range(3) if volume.orientation[a] in pair) for pair in ("RL", "AP", "SI")]
    array = volume.array
    for axis, plus in zip(world, "LPS", strict=True):
        if volume.orientation[axis] != plus:
            array = np.flip(array, axis)
    across, up = [a for a in range(3) if a != normal]
    picture = np.take(array.transpose(world), array.shape[world[normal]] // 2, axis=normal)
    # Rows run downwards: posterior in an axial slice, inferior in the others.
    picture = picture.T if plane == "axial" else picture.T[::-1]
    return picture, volume.spacing[world[up]] / volume.spacing[world[across]]


def _draw(ax: Any, volume: Volume, plane: str, is_error: bool) -> None:
    picture, aspect = slice_of(volume, plane)
    low, high = (-ERROR_RANGE, ERROR_RANGE) if is_error else (0, 1)
    ax.imshow(picture, cmap="berlin" if is_error else "gray", vmin=low, vmax=high, aspect=aspect, interpolation="nearest")
    ax.set_axis_off()


def _nearest(degraded: Volume, reference: Volume) -> NDArray[np.float32]:
    """The scan on the reference's grid without any interpolation, so that its voxels show."""
    positions = degraded.grid.axis_positions(reference.grid)
    index = [np.clip(np.rint(p).astype(int), 0, n - 1) for p, n in zip(positions, degraded.shape, strict=True)]
    return np.asarray(degraded.array[np.ix_(*index)], dtype=np.float32)


def _caption(comparison: Comparison, model: str) -> str:
    row = next(r for r in comparison.rows if r.model == model)
    return f"{model}\n{row.psnr_mask:.2f} dB, SSIM {row.ssim_mask:.3f}"
