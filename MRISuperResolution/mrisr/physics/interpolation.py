"""The initial estimate: the scan interpolated onto the target grid, one axis at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image.arrays import Array
from ..image.grid import Grid
from .operators import Matrix, SeparableOperator, cubic_rows, lanczos_rows, linear_rows

Kind = Literal["linear", "cubic", "lanczos"]

KINDS: tuple[Kind, ...] = get_args(Kind)

_ROWS: dict[Kind, Callable[[NDArray[np.float64], int], Matrix]] = {
    "linear": linear_rows,
    "cubic": cubic_rows,
    "lanczos": lanczos_rows,
}


def interpolator(source: Grid, target: Grid, kind: Kind = "cubic") -> SeparableOperator:
    """The interpolation from `source` to `target` as an operator.

    Args:
        source: grid of the scan.
        target: a grid parallel to it.
        kind: `linear`; `cubic`, a cubic B-spline; or `lanczos`, a sinc windowed by three lobes.
    """
    if kind not in _ROWS:
        raise InputError(f"There is no interpolation {kind!r}; choose one of {', '.join(KINDS)}.")
    matrices: list[Matrix | None] = []
    for positions, n in zip(source.axis_positions(target), source.shape, strict=True):
        same = len(positions) == n and np.allclose(positions, np.arange(n), atol=1e-6)
        matrices.append(None if same else _ROWS[kind](positions, n))
    return SeparableOperator((matrices[0], matrices[1], matrices[2]))


def interpolate(array: Array, source: Grid, target: Grid, kind: Kind = "cubic") -> Array:
    """`array` on `source`, NumPy's or a tensor, interpolated at the voxel centres of `target`; single precision."""
    return interpolator(source, target, kind).forward(array)
