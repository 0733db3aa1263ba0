"""Scans of one subject brought to one brightness: a factor, and a smooth field for what coils and shim do.

    pred = A x, what the reference lets one expect of a scan y;   b y ≈ pred,   log b a polynomial of second degree in space

Fitted by reweighted least squares on blocks, so that edges that do not quite match have no say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 4
"""Voxels of a block's side, at most: within it the means of both are compared."""

FEWEST = 40
"""Fewer blocks tell a factor only."""

SMOOTHNESS = 0.002
"""Ridge on all but the factor, as a fraction of the blocks."""

LIMIT = 3.0
"""A field that brightens or darkens by more than this is a misfit, not a coil."""


def matching(
    measured: NDArray[np.float32], expected: NDArray[np.float32], inside: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """What to multiply a scan with; (i, j, k), or one number's worth of it where too little tells.

    Args:
        measured: y, air at 0.
        expected: A x of the reference.
        inside: where both were measured.
    """
    tissue = inside & (measured > 0.1) & (expected > 0.1)
    if not tissue.any():
        return np.ones_like(measured)
    factor = float(np.median(expected[tissue]) / np.median(measured[tissue]))
    places, ratios = _blocks(measured, expected, tissue)
    if len(ratios) < FEWEST:
        return np.full_like(measured, factor)
    bases = _bases(places)
    weight = np.ones(len(ratios))
    for _ in range(5):
        ridge = SMOOTHNESS * len(ratios) * np.diag([0.0] + [1.0] * (bases.shape[1] - 1))
        solution = np.linalg.solve(bases.T @ (weight[:, None] * bases) + ridge, bases.T @ (weight * ratios))
        rest = np.abs(ratios - bases @ solution)
        weight = np.minimum(1, 1.5 * np.median(rest) / np.maximum(rest, 1e-9))
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in measured.shape), indexing="ij"), axis=-1)
    field = np.exp(_bases(grid.reshape(-1, 3)) @ solution).reshape(measured.shape)
    return np.asarray(np.clip(field, factor / LIMIT, factor * LIMIT), dtype=np.float32)


def _blocks(
    measured: NDArray[np.float32], expected: NDArray[np.float32], tissue: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The middles of blocks full of tissue, from -1 to 1, and the logarithms of the ratios of their means."""
    side = [min(BLOCK, n) for n in measured.shape]
    count = [n // s for n, s in zip(measured.shape, side, strict=True)]

    def gathered(array: NDArray[np.float32]) -> NDArray[np.float64]:
        cut = array[tuple(slice(0, n * s) for n, s in zip(count, side, strict=True))]
        shape = [each for n, s in zip(count, side, strict=True) for each in (n, s)]
        return np.asarray(cut.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float64))

    share = gathered(tissue.astype(np.float32))
    full = np.argwhere(share > 0.9)
    ratios = np.log(gathered(expected)[share > 0.9] / gathered(measured)[share > 0.9])
    middles = (full + 0.5) * np.array(side) / np.array(measured.shape) * 2 - 1
    return middles, ratios


def _bases(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """1, three linear and six quadratic terms."""
    x, y, z = places.T
    return np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x, y * y, z * z], axis=1)
