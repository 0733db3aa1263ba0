"""A slice through a place as radiologists look at it, whose pixels know where they lie: all volumes are shown at the very same places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..image.grid import Grid
from ..image.volume import Volume
from .figure import PLANES

SIDES = {"sagittal": "APSI", "coronal": "RLSI", "axial": "RLAP"}
"""What lies at the left, right, upper and lower side of a picture; the patient's right is on the left."""

TOWARDS = (("L", "R"), ("P", "A"), ("I", "S"))
"""Names of the negative and positive ends of R, A and S."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A slice.

    Args:
        plane: of `PLANES`.
        places: (rows, columns, 3) where its pixels lie, RAS in mm.
    """

    plane: str
    places: NDArray[np.float64]

    @classmethod
    def through(cls, grid: Grid, plane: str, place: Sequence[float]) -> Cut:
        """The slice of a grid that a place lies in, or the nearest to it.

        Args:
            grid: whose voxels become pixels.
            plane: of `PLANES`.
            place: RAS in mm.
        """
        normal = PLANES.index(plane)
        world = [next(a for a in range(3) if grid.orientation[a] in pair) for pair in ("RL", "AP", "SI")]
        index = [np.arange(n, dtype=np.float64) for n in grid.shape]
        for axis, plus in zip(world, "LPS", strict=True):
            if grid.orientation[axis] != plus:
                index[axis] = index[axis][::-1]
        through = np.linalg.inv(grid.affine) @ np.array([*place, 1.0])
        axis = world[normal]
        index[axis] = np.clip(np.rint(through[axis : axis + 1]), 0, grid.shape[axis] - 1)
        voxels = np.stack(np.meshgrid(*index, indexing="ij"), axis=-1).transpose(*world, 3)
        across = np.take(voxels, 0, axis=normal).transpose(1, 0, 2)
        # Rows run downwards: posterior in an axial slice, inferior in the others.
        rows = across if plane == "axial" else across[::-1]
        return cls(plane, rows @ grid.affine[:3, :3].T + grid.affine[:3, 3])

    @property
    def pixel(self) -> tuple[float, float]:
        """Height and width of a pixel in mm; 1 along a side of only one pixel."""
        down, right = (np.diff(self.places[:2, 0], axis=0), np.diff(self.places[0, :2], axis=0))
        return float(np.linalg.norm(down)) or 1.0, float(np.linalg.norm(right)) or 1.0

    @property
    def aspect(self) -> float:
        """Width over height of the picture."""
        rows, columns = self.places.shape[:2]
        height, width = self.pixel
        return float(columns) * width / (float(rows) * height)

    @property
    def position(self) -> str:
        """Where the slice lies, for people."""
        normal = PLANES.index(self.plane)
        return _along(normal, float(self.places[..., normal].mean()))

    def of(self, volume: Volume) -> NDArray[np.float32]:
        """The voxels of a volume that the pixels lie in, without any interpolation; 0 where it has none. (rows, columns)."""
        inverse = np.linalg.inv(volume.affine)
        index = np.rint(self.places @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
        inside = ((index >= 0) & (index < np.array(volume.shape))).all(axis=-1)
        i, j, k = np.moveaxis(np.where(inside[..., None], index, 0), -1, 0)
        return np.where(inside, volume.array[i, j, k], 0).astype(np.float32)

    def around(self, place: Sequence[float], side: float) -> Cut:
        """The part around a place.

        Args:
            place: RAS in mm.
            side: of the square in mm; where the slice is smaller, it is as large as that.
        """
        top, left, rows, columns = self.box(place, side)
        return replace(self, places=self.places[top : top + rows, left : left + columns])

    def box(self, place: Sequence[float], side: float) -> tuple[int, int, int, int]:
        """That part as its first row and column, and the number of its rows and columns."""
        shape = self.places.shape[:2]
        away = np.linalg.norm(self.places - np.asarray(place, dtype=np.float64), axis=-1)
        center = np.unravel_index(int(away.argmin()), shape)
        size = [max(1, min(n, round(side / step))) for n, step in zip(shape, self.pixel, strict=True)]
        first = [int(np.clip(c - s // 2, 0, n - s)) for c, s, n in zip(center, size, shape, strict=True)]
        return first[0], first[1], size[0], size[1]


def spoken_place(place: Sequence[float]) -> str:
    """A place as clinicians write it.

    Example:
        >>> spoken_place((-12.4, 3, 40))
        'L 12, A 3, S 40 mm'
    """
    return (
        ", ".join(_along(axis, float(value)).removesuffix(" mm") for axis, value in enumerate(place)) + " mm"
    )


def _along(axis: int, value: float) -> str:
    return f"{TOWARDS[axis][int(round(value) >= 0)]} {abs(value):.0f} mm"
