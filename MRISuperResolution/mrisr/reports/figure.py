"""Pictures of slices: what was measured, what the models made of it, and how far each is from the reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..evaluation.scores import Comparison
from ..image.replacement import replacing
from ..image.volume import Volume
from ..pipeline.provenance import STATEMENT
from .contact_sheet import Cell, sheet

if TYPE_CHECKING:
    from PIL.Image import Image

FIGURES = (".png", ".pdf")
"""The kinds of files that a comparison is written to."""

PLANES = ("sagittal", "coronal", "axial")
ERROR_RANGE = 0.2
"""Errors are drawn from −0.2 to 0.2 of the reference's brightness."""


def comparison_figure(comparison: Comparison, models: Sequence[str], planes: Sequence[str] = PLANES) -> Image:
    """Rows of slices through the middle of the head: reference, scan, each model, all at the same gray scale, and each model's error.

    Args:
        comparison: from `evaluate.compare`.
        models: which of its models to draw.
        planes: one row each, of `PLANES`.
    """
    reference = comparison.reference
    columns: list[tuple[tuple[str, ...], NDArray[Any], bool]] = [
        (("reference",), reference.array, False),
        (("scan",), _nearest(comparison.degraded, reference), False),
        *((_caption(comparison, m), comparison.restored[m].array, False) for m in models),
        *(((f"error of {m}",), comparison.restored[m].array - reference.array, True) for m in models),
    ]
    rows = [
        [_cell(reference.with_array(array), plane, is_error) for _, array, is_error in columns]
        for plane in planes
    ]
    return sheet([lines for lines, _, _ in columns], rows, f"{comparison.rows[0].protocol}. {STATEMENT}")


def save(figure: Image, path: Path) -> None:
    """Write a figure; the suffix, one of `FIGURES`, says how."""
    with replacing(path) as partial:
        if path.suffix.lower() == ".pdf":
            figure.save(partial, "PDF", resolution=110, quality=95, subsampling=0)
        else:
            figure.save(partial)


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


def _cell(volume: Volume, plane: str, is_error: bool) -> Cell:
    picture, aspect = slice_of(volume, plane)
    low, high = (-ERROR_RANGE, ERROR_RANGE) if is_error else (0, 1)
    shown = np.clip((picture.astype(np.float32) - low) / (high - low), 0, 1)
    return Cell(shown, "berlin" if is_error else "gray", aspect)


def _nearest(degraded: Volume, reference: Volume) -> NDArray[np.float32]:
    """The scan on the reference's grid without any interpolation, so that its voxels show."""
    positions = degraded.grid.axis_positions(reference.grid)
    index = [
        np.clip(np.rint(p).astype(int), 0, n - 1) for p, n in zip(positions, degraded.shape, strict=True)
    ]
    return np.asarray(degraded.array[np.ix_(*index)], dtype=np.float32)


def _caption(comparison: Comparison, model: str) -> tuple[str, ...]:
    row = next(r for r in comparison.rows if r.model == model)
    return model, f"{row.psnr_mask:.2f} dB, SSIM {row.ssim_mask:.3f}"
