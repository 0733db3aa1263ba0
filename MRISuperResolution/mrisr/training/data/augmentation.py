"""Changes of brightness and contrast that a network should shrug off; MONAI's where it has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KNOTS = 6
COARSE = 8.0
AIR = 10
"""Stored values below this are air and stay dark whatever the contrast."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How likely and how strong.

    Args:
        gamma: range of exponents, log-uniform.
        gamma_share: share of scans that get one.
        remap_share: share of scans whose tissues get a random order of brightness, so that T1-weighted scans teach other contrasts.
        gain: range of factors for the brightness.
        bias_share: share of scans that get a smooth bias field (MONAI's `RandBiasField`).
    """

    gamma: tuple[float, float] = (0.7, 1.4)
    gamma_share: float = 0.3
    remap_share: float = 0.15
    gain: tuple[float, float] = (0.85, 1.1)
    bias_share: float = 0.1

    def intensities(self, array: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
        """The scan as float32 near [0, 1], changed at random. Gamma, remap and gain are one look-up table."""
        table = np.linspace(0, 1, 256)
        kind = rng.random()
        if kind < self.gamma_share:
            table = table ** np.exp(rng.uniform(*np.log(self.gamma)))
        elif kind < self.gamma_share + self.remap_share:
            table = _remap(rng)
        changed: NDArray[np.float32] = (table * rng.uniform(*self.gain)).astype(np.float32)[array]
        return _biased(changed, rng) if rng.random() < self.bias_share else changed


def _remap(rng: np.random.Generator) -> NDArray[np.float64]:
    """A smooth random curve from 0 at air through random heights."""
    from scipy.interpolate import PchipInterpolator

    x = np.concatenate([[0, AIR], np.linspace(50, 255, KNOTS)])
    y = np.concatenate([[0, AIR / 255], rng.uniform(0.15, 1.0, KNOTS)])
    curve = np.asarray(PchipInterpolator(x, y)(np.arange(256)))
    return np.asarray(curve / curve.max())


def _biased(array: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The field is smooth: it is drawn on a coarse grid and interpolated, which takes a hundredth of the time."""
    import torch
    from monai.transforms import RandBiasField

    from ...image.grid import Grid
    from ...physics.interpolation import interpolate

    field = RandBiasField(degree=2, coeff_range=(-0.15, 0.15), prob=1.0)
    field.set_random_state(seed=int(rng.integers(2**31)))
    i, j, k = array.shape
    fine = Grid((i, j, k), np.eye(4))
    coarse = fine.resampled([1 / COARSE] * 3)
    gain = np.asarray(field(torch.ones(1, *coarse.shape)), dtype=np.float32)[0]
    return np.asarray(array * interpolate(gain, coarse, fine, "linear"))
