"""Changes of brightness and contrast that a network should shrug off; with NumPy alone, so that a borrowed computer needs no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from ...image.arrays import Array, beside
from ...image.grid import Grid
from ...physics.interpolation import interpolate

KNOTS = 6
COARSE = 8.0
BIAS = 0.15
AIR = 10
"""Stored values below this are air and stay dark whatever the contrast."""


Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Intensities:
    """How bright a scan's stored values become.

    Args:
        table: (256,) float32, the brightness of each stored value.
        bias: a smooth gain on a coarse grid, or None.
    """

    table: NDArray[np.float32]
    bias: NDArray[np.float32] | None = None

    def of(self, array: Array) -> Array:
        """A scan's stored values, (i, j, k) uint8 of NumPy's or a tensor of whole numbers, as single precision near [0, 1]."""
        table = self.table if isinstance(array, np.ndarray) else beside(self.table, array)
        changed = table[array]
        if self.bias is None:
            return changed
        fine = _grid(array.shape)
        return changed * interpolate(beside(self.bias, changed), _coarse(fine), fine, "linear")


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How likely and how strong.

    Args:
        gamma: range of exponents, log-uniform.
        gamma_share: share of scans that get one.
        remap_share: share of scans whose tissues get a random order of brightness, so that T1-weighted scans teach other contrasts.
        gain: range of factors for the brightness.
        bias_share: share of scans that get a smooth bias field (as MONAI's `RandBiasField`).
    """

    gamma: tuple[float, float] = (0.7, 1.4)
    gamma_share: float = 0.3
    remap_share: float = 0.15
    gain: tuple[float, float] = (0.85, 1.1)
    bias_share: float = 0.1

    def draw(self, shape: Sequence[int], rng: np.random.Generator) -> Intensities:
        """What becomes of a scan of this shape. Gamma, remap and gain are one look-up table."""
        table = np.linspace(0, 1, 256)
        kind = rng.random()
        if kind < self.gamma_share:
            table = table ** np.exp(rng.uniform(*np.log(self.gamma)))
        elif kind < self.gamma_share + self.remap_share:
            table = _remap(rng)
        bright = np.asarray(table * rng.uniform(*self.gain), dtype=np.float32)
        return Intensities(bright, _bias(shape, rng) if rng.random() < self.bias_share else None)


def _remap(rng: np.random.Generator) -> NDArray[np.float64]:
    """A smooth random curve from 0 at air through random heights."""
    x = np.concatenate([[0, AIR], np.linspace(50, 255, KNOTS)])
    y = np.concatenate([[0, AIR / 255], rng.uniform(0.15, 1.0, KNOTS)])
    curve = monotone(x, y, np.arange(256.0))
    return np.asarray(curve / curve.max())


def monotone(x: Numbers, y: Numbers, at: Numbers) -> Numbers:
    """Cubic interpolation that nowhere overshoots (Fritsch & Butland 1984, SIAM J. Sci. Stat. Comput. 5), as SciPy's `PchipInterpolator`.

    Args:
        x: of the knots, rising.
        y: of the knots.
        at: where, within the knots.
    """
    h = np.diff(x)
    slope = np.diff(y) / h
    before, after = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (before + after) / (before / slope[:-1] + after / slope[1:])
    inner = np.where(slope[:-1] * slope[1:] > 0, mean, 0)
    tangent = np.concatenate([[_at_end(h, slope)], inner, [_at_end(h[::-1], slope[::-1])]])
    n = np.clip(np.searchsorted(x, at, "right") - 1, 0, len(h) - 1)
    t = (at - x[n]) / h[n]
    smooth = t * t * (3 - 2 * t)
    bent = h[n] * t * (1 - t) * ((1 - t) * tangent[n] - t * tangent[n + 1])
    return np.asarray((1 - smooth) * y[n] + smooth * y[n + 1] + bent)


def _at_end(h: Numbers, slope: Numbers) -> float:
    """The tangent at the first knot, by three points, as long as that keeps the shape."""
    tangent = ((2 * h[0] + h[1]) * slope[0] - h[0] * slope[1]) / (h[0] + h[1])
    if tangent * slope[0] <= 0:
        return 0.0
    turns = slope[0] * slope[1] < 0 and abs(tangent) > 3 * abs(slope[0])
    return float(3 * slope[0] if turns else tangent)


def _bias(shape: Sequence[int], rng: np.random.Generator) -> NDArray[np.float32]:
    """MONAI's `RandBiasField` of degree 2: the exponential of Legendre polynomials (Van Leemput et al. 1999, IEEE Trans. Med. Imaging 18).

    The field is smooth: it is drawn on a coarse grid and interpolated, which takes a hundredth of the time.
    """
    random = np.random.RandomState(int(rng.integers(2**31)))
    random.random_sample()  # whether there is a field at all
    places = [(i, j, k) for i in range(3) for j in range(3 - i) for k in range(3 - i - j)]
    coefficients = np.zeros((3, 3, 3))
    coefficients[tuple(np.transpose(places))] = random.uniform(-BIAS, BIAS, len(places))
    i, j, k = (np.linspace(-1, 1, n) for n in _coarse(_grid(shape)).shape)
    return np.asarray(np.exp(legendre.leggrid3d(i, j, k, coefficients)), dtype=np.float32)


def _grid(shape: Sequence[int]) -> Grid:
    i, j, k = shape
    return Grid((i, j, k), np.eye(4))


def _coarse(fine: Grid) -> Grid:
    return fine.resampled([1 / COARSE] * 3)
