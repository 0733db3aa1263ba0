"""A scan in memory: voxels and where they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .grid import Grid, Triple

MAX_LABELS = 24
"""An integer volume with no more distinct values than this is taken for a label map."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels (i, j, k) and the affine that places them.

    Args:
        array: (i, j, k), the file's real dtype or float32.
        affine: (4, 4) voxel index to RAS in mm, centre of voxel 0.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along i, j, k."""
        i, j, k = self.array.shape
        return (i, j, k)

    @property
    def grid(self) -> Grid:
        """Where the voxels are."""
        return Grid(self.shape, self.affine)

    @property
    def spacing(self) -> Triple:
        """Voxel size along i, j, k, in mm."""
        return self.grid.spacing

    @property
    def corners(self) -> NDArray[np.float64]:
        """RAS positions of the eight outer corners of the field of view, (8, 3), in mm."""
        ends = np.array([(-0.5, n - 0.5) for n in self.shape])
        index = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(8, 3)
        return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3])

    @property
    def orientation(self) -> str:
        """The anatomical directions the axes point to, such as `RAS` or `LPI`."""
        directions = self.affine[:3, :3] / np.array(self.spacing)
        letters = []
        for column in directions.T:
            axis = int(np.argmax(np.abs(column)))
            letters.append(("RL", "AP", "SI")[axis][0 if column[axis] > 0 else 1])
        return "".join(letters)

    def with_array(self, array: NDArray[Any]) -> Volume:
        """The same place with other voxels."""
        return replace(self, array=array)

    def cropped(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> Volume:
        """The half-open box `[start, stop)`, in voxels."""
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        return Volume(self.array[box], self.grid.cropped(start, stop).affine)


def check_geometry(affine: NDArray[np.float64]) -> None:
    """Raise `InputError` unless `affine` has finite, positive spacings and perpendicular axes."""
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise InputError("The scan's position in space is not a finite 4x4 matrix; export it again from its source.")
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not ((spacing > 1e-6) & (spacing < 1e6)).all():
        raise InputError("The scan has a voxel size of zero or beyond reason; correct its header or export it again.")
    cosines = affine[:3, :3] / spacing
    if np.abs(cosines.T @ cosines - np.eye(3)).max() > 1e-3:
        raise InputError("The scan's axes are not perpendicular (sheared); resample it to a regular grid first.")


def check_intensities(array: NDArray[Any]) -> None:
    """Raise `InputError` unless `array` is a non-empty 3-D grid of finite real intensities and no label map."""
    if array.ndim != 3:
        raise InputError(f"The scan has {array.ndim} dimensions instead of 3; extract one volume of the series first.")
    if array.size == 0:
        raise InputError("The scan has no voxels; export it again from its source.")
    if array.dtype.kind not in "iufb":
        raise InputError(f"The scan's voxels are of type {array.dtype}; convert it to a real-valued magnitude image first.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise InputError(f"The scan has {count} voxels that are not finite numbers; replace them, for instance by 0, first.")
    if looks_like_labels(array):
        raise InputError("The scan looks like a label map (a few whole numbers); choose the intensity image it was drawn on.")


def looks_like_labels(array: NDArray[Any]) -> bool:
    """Whether an integer array holds more than one but no more than `MAX_LABELS` distinct values."""
    if array.dtype.kind == "b":
        return True
    if array.dtype.kind == "f" or array.size <= MAX_LABELS**2:
        return False
    # A scan shows more values than that in any of its slabs; only a candidate is searched whole.
    if len(np.unique(array[:: max(1, array.shape[0] // 16)])) > MAX_LABELS:
        return False
    return 1 < len(np.unique(array)) <= MAX_LABELS


def check_volume(volume: Volume) -> None:
    """Raise `InputError` unless the volume can be enhanced."""
    check_intensities(volume.array)
    check_geometry(volume.affine)
