"""Linear operators on volumes that act along one axis at a time, as three small matrices.

A scanner's blur, its sampling, a k-space window and every interpolation of this package factor along the axes. Held as matrices they
need no code of their own for the adjoint (the transpose), the norm (the product of the norms) or for edges, and run as matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image.arrays import Array, beside

Matrix = NDArray[np.float32]

WEIGHT_TOLERANCE = 1e-12
"""A weight below this changes no digit of a single-precision sum."""

FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))


@dataclass(frozen=True, eq=False)
class SeparableOperator:
    """y = (M₀ ⊗ M₁ ⊗ M₂) x.

    Args:
        matrices: one (out, in) matrix an axis, or None where the axis is left as it is.
    """

    matrices: tuple[Matrix | None, Matrix | None, Matrix | None]

    def forward(self, x: Array) -> Array:
        """Apply to a volume on the input grid, (i, j, k) single precision; NumPy's or a tensor, and so is the answer."""
        return self._apply(x, self._placed(x))

    def adjoint(self, y: Array) -> Array:
        """Apply the transpose to a volume on the output grid, so that ⟨Ax, y⟩ = ⟨x, Aᵀy⟩."""
        return self._apply(y, [None if m is None else m.T for m in self._placed(y)])

    def after(self, first: SeparableOperator) -> SeparableOperator:
        """This operator on what another one makes: matrix by matrix, so that what lies between them is never held.

        Example:
            >>> half, double = (SeparableOperator((np.eye(2, dtype=np.float32) * c, None, None)) for c in (0.5, 2))
            >>> float(double.after(half).forward(np.ones((2, 1, 1), np.float32))[0, 0, 0])
            1.0
        """
        i, j, k = (
            b if a is None else a if b is None else np.asarray(b @ a)
            for a, b in zip(first.matrices, self.matrices, strict=True)
        )
        return SeparableOperator((i, j, k))

    @cached_property
    def norm(self) -> float:
        """The largest singular value."""
        return math.prod(1.0 if m is None else float(np.linalg.norm(m, 2)) for m in self.matrices)

    @cached_property
    def back_projector(self) -> SeparableOperator:
        """B = C Aᵀ, with C a positive diagonal such that no eigenvalue of A B lies outside [0, 1].

        C holds, axis by axis, 1 over the sum of a voxel's weights in all samples (SIRT, Gilbert 1972, for rows that sum to 1), so that
        each voxel takes the mean of what the samples that see it ask for. A matrix with negative weights has 1/‖M‖² instead (Landweber).
        """
        i, j, k = (None if m is None else _back_projecting(m) for m in self.matrices)
        return SeparableOperator((i, j, k))

    def _placed(self, x: Array) -> Sequence[Array | None]:
        """The matrices where `x` is: they go to a device once."""
        if isinstance(x, np.ndarray):
            return self.matrices
        if x.device not in self._copies:
            self._copies[x.device] = [None if m is None else beside(m, x) for m in self.matrices]
        return self._copies[x.device]

    @cached_property
    def _copies(self) -> dict[Any, list[Array | None]]:
        return {}

    @staticmethod
    def _apply(x: Array, matrices: Sequence[Array | None]) -> Array:
        # The axis that shrinks most goes first: the others then work on less. Of equal ones the middle one, whose product is the quickest
        # of all on large volumes, is done where the volume is largest.
        change = [1.0 if m is None else m.shape[0] / m.shape[1] for m in matrices]
        equal = (1, 2, 0) if math.prod(change) <= 1 else (2, 0, 1)
        for axis in sorted(equal, key=lambda a: change[a]):
            matrix = matrices[axis]
            if matrix is not None:
                x = _along(matrix, x, axis)
        return np.asarray(x, dtype=np.float32) if isinstance(x, np.ndarray) else x


def _back_projecting(matrix: Matrix) -> Matrix:
    """C Mᵀ for one axis, see `SeparableOperator.back_projector`."""
    if (matrix < 0).any():
        return np.asarray(matrix.T / np.float32(np.linalg.norm(matrix, 2) ** 2))
    seen = matrix.sum(axis=0)
    weights = np.where(seen > WEIGHT_TOLERANCE, matrix / np.where(seen > WEIGHT_TOLERANCE, seen, 1), 0)
    return np.asarray(weights.T, dtype=np.float32)


def _along(matrix: Array, x: Array, axis: int) -> Array:
    """`matrix` applied along one axis of `x`, as one matrix product."""
    if axis == 0:
        return (matrix @ x.reshape(x.shape[0], -1)).reshape(-1, *x.shape[1:])
    if axis == 1:
        return matrix @ x
    return (x.reshape(-1, x.shape[2]) @ matrix.T).reshape(*x.shape[:2], -1)


def gaussian_rows(positions: NDArray[np.float64], n: int, fwhm: float) -> Matrix:
    """Weights of a Gaussian of this FWHM (in input voxels) centred at each of `positions`; (len(positions), n), rows sum to 1."""
    distance = np.arange(n) - positions[:, None]
    return _normalized(np.exp(-0.5 * (distance * FWHM_PER_SIGMA / fwhm) ** 2))


def rectangle_rows(positions: NDArray[np.float64], n: int, width: float) -> Matrix:
    """Weights of a box of this width (in input voxels) centred at each of `positions`: its overlap with every voxel."""
    voxel = np.arange(n)
    right = np.minimum(positions[:, None] + width / 2, voxel + 0.5)
    left = np.maximum(positions[:, None] - width / 2, voxel - 0.5)
    return _normalized(np.clip(right - left, 0, None))


def linear_rows(positions: NDArray[np.float64], n: int) -> Matrix:
    """Linear interpolation at `positions`; beyond the ends the end voxel is repeated."""
    place = np.clip(positions, 0, n - 1)
    weights = np.clip(1 - np.abs(place[:, None] - np.arange(n)), 0, None)
    return np.asarray(weights, dtype=np.float32)


def cubic_rows(positions: NDArray[np.float64], n: int) -> Matrix:
    """Cubic B-spline interpolation at `positions`, mirrored at the ends (Unser 1999, IEEE Signal Process. Mag. 16(6))."""
    samples = _spline_rows(np.arange(n, dtype=np.float64), n)
    return _without_dust(np.asarray(np.linalg.solve(samples.T, _spline_rows(positions, n).T).T, np.float64))


def _spline_rows(positions: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """The cubic B-splines of n knots at `positions`, (len(positions), n); knots beyond the ends mirror those within."""
    first = np.floor(positions).astype(int) - 1
    knots = first[:, None] + np.arange(4)
    distance = np.abs(knots - positions[:, None])
    near, far = 2 / 3 - distance**2 * (1 - distance / 2), np.clip(2 - distance, 0, None) ** 3 / 6
    period = max(1, 2 * (n - 1))
    knots = np.abs(knots) % period
    rows = np.zeros((len(positions), n))
    places = (np.arange(len(positions))[:, None], np.minimum(knots, period - knots) if n > 1 else 0 * knots)
    np.add.at(rows, places, np.where(distance < 1, near, far))
    return rows


def lanczos_rows(positions: NDArray[np.float64], n: int, lobes: int = 3) -> Matrix:
    """Lanczos-windowed sinc interpolation at `positions` (Duchon 1979), the end voxel repeated, rows made to sum to 1."""
    first = np.floor(positions).astype(int) - lobes + 1
    taps = first[:, None] + np.arange(2 * lobes)
    distance = taps - positions[:, None]
    weights = np.sinc(distance) * np.sinc(distance / lobes)
    rows = np.zeros((len(positions), n))
    np.add.at(rows, (np.arange(len(positions))[:, None], np.clip(taps, 0, n - 1)), weights)
    return _normalized(rows)


def kspace_window(n: int, kept: float) -> Matrix:
    """Keep the central fraction `kept` of the n samples of k-space along an axis; an orthogonal projection (n, n).

    The window is symmetric about zero frequency, so that a real object stays real: of the round(kept·n) samples, an even
    number's unpaired one is dropped.
    """
    half = (max(1, round(kept * n)) - 1) // 2
    frequency = np.fft.fftfreq(n, 1 / n)
    spectrum = np.fft.fft(np.eye(n), axis=0) * (np.abs(frequency) <= half)[:, None]
    return np.fft.ifft(spectrum, axis=0).real.astype(np.float32)


def band_rows(positions: NDArray[np.float64], n: int, width: float, taper: float = 0.3) -> Matrix:
    """Samples of what a scanner that measures only the middle of k-space reconstructs: a periodic, band-limited interpolation.

    The field of n voxels is taken for one period. Of its frequencies those below half a cycle a `width` are kept, under a Tukey window
    (Harris 1978, Proc. IEEE 66(1)) that tapers the outermost share `taper` of the band, as scanners' filters do against ringing.

    Args:
        positions: of the samples, in voxels.
        n: voxels of the field.
        width: of the samples, in voxels: twice as wide, half of k-space.
        taper: share of the band that is tapered, 0 to 1.

    Returns:
        (len(positions), n); rows sum to 1.
    """
    edge = n / (2 * width)
    count = (max(1, round(2 * edge)) - 1) // 2
    order = np.arange(1, count + 1)
    beyond = np.clip((order / edge - (1 - taper)) / taper, 0, 1) if taper > 0 else np.zeros(count)
    window = 0.5 * (1 + np.cos(np.pi * beyond))
    angle = 2 * np.pi * (positions[:, None] - np.arange(n)) / n
    rows = 1 + 2 * np.tensordot(np.cos(angle[..., None] * order), window, 1)
    return _without_dust(rows / n)


def down_and_up(n: int, factor: float, order: int, prefilter: bool) -> Matrix:
    """`scipy.ndimage.zoom` to 1/factor of the samples and back to n; (n, n)."""
    from scipy import ndimage

    coarse = max(1, round(n / factor))

    def blurred(unit: NDArray[np.float64]) -> NDArray[np.float64]:
        low = ndimage.zoom(unit, coarse / n, order=order, prefilter=prefilter)
        return np.asarray(ndimage.zoom(low, n / coarse, order=order, prefilter=prefilter))

    return _columns(n, blurred)


def _columns(n: int, respond: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Matrix:
    """The matrix of a linear map on n samples, from its answers to unit impulses."""
    return _without_dust(np.stack([respond(unit) for unit in np.eye(n)], axis=1))


def _normalized(rows: NDArray[np.float64]) -> Matrix:
    sums = rows.sum(axis=1, keepdims=True)
    return _without_dust(rows / np.where(sums == 0, 1, sums))


def _without_dust(matrix: NDArray[np.float64]) -> Matrix:
    """`matrix` in single precision, with weights that add nothing set to 0: as denormal numbers they cost ten times a product."""
    return np.where(np.abs(matrix) < WEIGHT_TOLERANCE, 0, matrix).astype(np.float32)
