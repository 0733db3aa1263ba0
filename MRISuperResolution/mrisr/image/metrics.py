"""How near a volume comes to its reference: PSNR, SSIM and NRMSE as scikit-image defines them, over the field and in a mask.

They are computed a slab of planes at a time in double precision, so that no more than the map of similarities is ever held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Array = NDArray[np.float32]
Double = NDArray[np.float64]

HEAD = 0.05
"""The mask is where the reference is above this, on the scale where its 99.9th percentile is 1."""

SIGMA = 1.5
RADIUS = 5
"""The SSIM window: a Gaussian of 1.5 voxels cut off at 5 (Wang et al. 2004, IEEE Trans. Image Process. 13(4), in three dimensions)."""

C1, C2 = 0.01**2, 0.03**2
"""What keeps the ratios of SSIM finite where nothing is; of the same paper, for a peak of 1."""

SLAB = 1 << 21
"""Voxels that are worked on at a time, about."""


@dataclass(frozen=True)
class Scores:
    """Peak 1 throughout; PSNR in dB."""

    psnr: float
    psnr_mask: float
    ssim: float
    ssim_mask: float
    nrmse: float


def less_error(decibels: float) -> float:
    """How much less error (root mean square) a gain in PSNR means, in percent; negative for more.

    Args:
        decibels: the gain.

    Example:
        >>> round(less_error(6.02)), round(less_error(1.0)), round(less_error(-1.0))
        (50, 11, -12)
    """
    return float(100 * (1 - 10 ** (-decibels / 20)))


def less_error_text(decibels: float, uncertain: float = 0.0) -> str:
    """The same for people, with the gain behind it, and how uncertain that is, in dB.

    Example:
        >>> less_error_text(1.4)
        '15 % less error (+1.4 dB)'
        >>> less_error_text(1.4, 0.3)
        '15 % less error (+1.4 ± 0.3 dB)'
    """
    percent = less_error(decibels)
    spread = f" ± {uncertain:.1f}" if uncertain else ""
    return f"{abs(percent):.0f} % {'less' if percent >= 0 else 'more'} error ({decibels:+.1f}{spread} dB)"


def score(reference: Array, estimate: Array) -> Scores:
    """Compare an estimate with its reference.

    Args:
        reference: (i, j, k) float32 in [0, 1], every axis of at least 11 voxels.
        estimate: the same shape and scale.

    Raises:
        InputError: the shapes differ, an axis is too short for the SSIM window, or the mask is empty.
    """
    _check(reference, estimate)
    mask = reference > HEAD
    error = error_mask = energy = 0.0
    for planes in _slabs(reference.shape):
        truth = reference[planes].astype(np.float64)
        squares = np.square(truth - estimate[planes])
        error += float(squares.sum())
        error_mask += float(squares[mask[planes]].sum())
        energy += float(np.square(truth, out=truth).sum())
    inner = tuple(slice(RADIUS, -RADIUS) for _ in range(3))
    similarity = ssim_map(reference, estimate)[inner]
    inside = similarity[mask[inner]]
    return Scores(
        psnr=_psnr(error / reference.size),
        psnr_mask=_psnr(error_mask / int(mask.sum())),
        ssim=float(similarity.mean(dtype=np.float64)),
        ssim_mask=float(inside.mean(dtype=np.float64)) if inside.size else float("nan"),
        nrmse=float(np.sqrt(error / energy)),
    )


def ssim_map(reference: Array, estimate: Array) -> Array:
    """The structural similarity of each voxel's neighbourhood; (i, j, k)."""
    found = np.empty(reference.shape, dtype=np.float32)
    last = reference.shape[0]
    for planes in _slabs(reference.shape):
        # Only at the volume's own border is a slab continued by its mirror image: elsewhere it comes with what is beside it.
        start, stop = max(0, planes.start - RADIUS), min(last, planes.stop + RADIUS)
        kept = slice(planes.start - start, planes.stop - start)
        # The window's variances are differences of nearly equal numbers: single precision loses the fourth digit there.
        truth, guess = (volume[start:stop].astype(np.float64, order="C") for volume in (reference, estimate))
        found[planes] = _similarity(truth, guess, kept)
    return found


def _similarity(x: Double, y: Double, kept: slice) -> Double:
    """SSIM of the `kept` planes of two slabs. The two variances only matter by their sum, which takes one filter instead of two."""
    product = _smoothed(x * y, kept)
    squares = x * x
    squares += y * y
    squares = _smoothed(squares, kept)
    mean_x, mean_y = _smoothed(x, kept), _smoothed(y, kept)
    product_of_means = mean_x * mean_y
    squares_of_means = np.square(mean_x, out=mean_x)
    squares_of_means += np.square(mean_y, out=mean_y)
    product -= product_of_means  # the covariance
    squares -= squares_of_means  # the sum of the variances
    top = (2 * product_of_means + C1) * (2 * product + C2)
    bottom = (squares_of_means + C1) * (squares + C2)
    return np.divide(top, bottom, out=top)


def _smoothed(volume: Double, kept: slice) -> Double:
    """The Gaussian mean around each voxel of the `kept` planes."""
    from scipy.ndimage import gaussian_filter1d

    # The first axis comes first: the planes that are only beside the kept ones need no more filtering then.
    found: Double = gaussian_filter1d(volume, SIGMA, axis=0, radius=RADIUS)[kept]
    for axis in (1, 2):
        gaussian_filter1d(found, SIGMA, axis=axis, radius=RADIUS, output=found)
    return found


def _slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """The planes along the first axis, cut into slabs of about `SLAB` voxels but not thinner than two windows."""
    count = max(4 * RADIUS, SLAB // (shape[1] * shape[2]))
    for start in range(0, shape[0], count):
        yield slice(start, min(shape[0], start + count))


def _psnr(mean_square: float) -> float:
    """In dB for a peak of 1; infinite for identical volumes."""
    return float(-10 * np.log10(mean_square)) if mean_square > 0 else float("inf")


def _check(reference: Array, estimate: Array) -> None:
    if reference.shape != estimate.shape:
        raise InputError(
            f"The estimate has {estimate.shape} voxels and the reference {reference.shape}; they must be the same."
        )
    if min(reference.shape) < 2 * RADIUS + 1:
        raise InputError(
            f"SSIM needs {2 * RADIUS + 1} voxels along every axis; the scan has {min(reference.shape)}."
        )
    if not (reference > HEAD).any():
        raise InputError(
            "The reference is empty: nothing in it is brighter than 5 % of its 99.9th percentile."
        )
