"""A scan in memory: voxels and where they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .forms import Forms
from .grid import Grid, Triple

MAX_LABELS = 256
"""A label map has no more distinct values than this."""

ALIKE = 0.8
"""Share of neighbouring non-zero voxels of a label map that are equal, at least; of a scan it is well below a half."""

PATCHY = 0.2
"""The same along any axis, for voxels of floating point: a ramp of whole numbers is alike along two axes and not along the third."""

PADDING_GAP = 2.0
"""A padding value lies farther below all other voxels than this many times their range."""

LARGEST_VALUE = 1e30
"""Beyond this, single precision overflows on the way."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels (i, j, k) and the affine that places them.

    Args:
        array: (i, j, k), the file's real dtype or float32.
        affine: (4, 4) voxel index to RAS in mm, centre of voxel 0.
        forms: what a NIfTI header said of its place, for the headers of what is made of it; None for other scans.
        notes: what was odd about the file it was read from, a sentence each.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    forms: Forms | None = None
    notes: tuple[str, ...] = ()

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
        return self.grid.corners

    @property
    def orientation(self) -> str:
        """The anatomical directions the axes point to, such as `RAS` or `LPI`."""
        return self.grid.orientation

    def with_array(self, array: NDArray[Any]) -> Volume:
        """The same place with other voxels."""
        return replace(self, array=array)

    def on(self, grid: Grid, array: NDArray[Any]) -> Volume:
        """Other voxels on another grid in the same space, which headers describe alike."""
        return Volume(array, grid.affine, self.forms)

    def cropped(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> Volume:
        """The half-open box `[start, stop)`, in voxels."""
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        return replace(self, array=self.array[box], affine=self.grid.cropped(start, stop).affine)


def check_geometry(affine: NDArray[np.float64]) -> None:
    """Raise `InputError` unless `affine` has finite, positive spacings and perpendicular axes."""
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise InputError(
            "The scan's position in space is not a finite 4x4 matrix; export it again from its source."
        )
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not ((spacing > 1e-6) & (spacing < 1e6)).all():
        raise InputError(
            "The scan has a voxel size of zero or beyond reason; correct its header or export it again."
        )
    cosines = affine[:3, :3] / spacing
    if np.abs(cosines.T @ cosines - np.eye(3)).max() > 1e-3:
        raise InputError(
            "The scan's axes are not perpendicular (sheared); resample it to a regular grid first."
        )


def check_intensities(array: NDArray[Any]) -> None:
    """Raise `InputError` unless `array` is a non-empty 3-D grid of finite real intensities and no label map."""
    if array.ndim != 3:
        raise InputError(
            f"The scan has {array.ndim} dimensions instead of 3; extract one volume of the series first."
        )
    if array.size == 0:
        raise InputError("The scan has no voxels; export it again from its source.")
    if sorted(array.shape)[1] < 2:
        raise InputError("The scan has only one row of voxels; choose a volume, or a slice of one.")
    if array.dtype.kind not in "iufb":
        raise InputError(
            f"The scan's voxels are of type {array.dtype}; convert it to a real-valued magnitude image first."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise InputError(
            f"The scan has {count} voxels that are not finite numbers; replace them, for instance by 0, first."
        )
    if array.dtype.kind == "f" and np.abs(array).max() > LARGEST_VALUE:
        raise InputError("The scan has values beyond 1e30; rescale it to its usual range first.")
    if share := padding(array):
        raise InputError(
            f"{100 * share:.1f} % of the scan's voxels are {array.min():g}, far below all others: a padding value, which would pass for "
            "anatomy. Set them to 0 first."
        )
    if looks_like_labels(array):
        raise InputError(
            "The scan looks like a label map (whole numbers in patches); choose the intensity image it was drawn on."
        )


def padding(array: NDArray[Any]) -> float:
    """The share of voxels that hold a padding value: the scan's darkest, negative, and farther below all others than these reach.

    A scan is scaled by its whole range, so that with such a value all anatomy would be of almost one brightness.
    """
    least = array.min()
    if least >= 0:
        return 0.0
    rest = array[array > least]
    if not rest.size or float(rest.min()) - float(least) <= PADDING_GAP * (
        float(rest.max()) - float(rest.min())
    ):
        return 0.0
    return 1.0 - float(rest.size) / float(array.size)


def looks_like_labels(array: NDArray[Any]) -> bool:
    """Whether an array of whole numbers is piecewise constant with several values, as segmentations are and scans are not."""
    if array.dtype.kind == "b":
        return True
    alike = [_alike(array, axis) for axis in range(3) if array.shape[axis] > 1]
    if max(alike, default=0.0) < ALIKE:
        return False
    if array.dtype.kind == "f" and (min(alike) < PATCHY or not np.array_equal(array, np.rint(array))):
        return False
    return 1 < len(np.unique(array)) <= MAX_LABELS


def _alike(array: NDArray[Any], axis: int) -> float:
    """The share of equal ones among the pairs of neighbours along an axis that are both not 0."""
    along = np.moveaxis(array, axis, 0)
    first, second = along[:-1], along[1:]
    pairs = (first != 0) & (second != 0)
    count = int(pairs.sum())
    return float((pairs & (first == second)).sum() / count) if count else 0.0


def check_volume(volume: Volume) -> None:
    """Raise `InputError` unless the volume can be enhanced."""
    check_intensities(volume.array)
    check_geometry(volume.affine)
