"""How near a volume comes to its reference: PSNR, SSIM and NRMSE as scikit-image defines them, over the field and in a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

Array = NDArray[np.float32]

HEAD = 0.05
"""The mask is where the reference is above this, on the scale where its 99.9th percentile is 1."""

SIGMA = 1.5
RADIUS = 5
"""The SSIM window: a Gaussian of 1.5 voxels cut off at 5 (Wang et al. 2004, IEEE Trans. Image Process. 13(4), in three dimensions)."""


@dataclass(frozen=True)
class Scores:
    """Peak 1 throughout; PSNR in dB."""

    psnr: float
    psnr_mask: float
    ssim: float
    ssim_mask: float
    nrmse: float


def score(reference: Array, estimate: Array) -> Scores:
    """Compare an estimate with its reference.

    Args:
        reference: (i, j, k) float32 in [0, 1], every axis of at least 11 voxels.
        estimate: the same shape and scale.

    Raises:
        InputError: the shapes differ, an axis is too short for the SSIM window, or the mask is empty.
    """
    from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio

    _check(reference, estimate)
    mask = reference > HEAD
    similarity = ssim_map(reference, estimate)
    inner = tuple(slice(RADIUS, -RADIUS) for _ in range(3))
    inside = similarity[inner][mask[inner]]
    with np.errstate(divide="ignore"):  # identical volumes have infinite PSNR
        psnr = peak_signal_noise_ratio(reference, estimate, data_range=1)
        psnr_mask = peak_signal_noise_ratio(reference[mask], estimate[mask], data_range=1)
    return Scores(
        psnr=float(psnr),
        psnr_mask=float(psnr_mask),
        ssim=float(similarity[inner].mean(dtype=np.float64)),
        ssim_mask=float(inside.mean(dtype=np.float64)) if inside.size else float("nan"),
        nrmse=float(normalized_root_mse(reference, estimate, normalization="euclidean")),
    )


def ssim_map(reference: Array, estimate: Array) -> Array:
    """The structural similarity of each voxel's neighbourhood; (i, j, k)."""
    from skimage.metrics import structural_similarity

    # The window's variances are differences of nearly equal numbers: single precision loses the fourth digit there.
    pair = (reference.astype(np.float64), estimate.astype(np.float64))
    _, similarity = structural_similarity(
        *pair, gaussian_weights=True, sigma=SIGMA, use_sample_covariance=False, data_range=1, full=True
    )
    return np.asarray(similarity, dtype=np.float32)


def _check(reference: Array, estimate: Array) -> None:
    if reference.shape != estimate.shape:
        raise InputError(f"The estimate has {estimate.shape} voxels and the reference {reference.shape}; they must be the same.")
    if min(reference.shape) < 2 * RADIUS + 1:
        raise InputError(f"SSIM needs {2 * RADIUS + 1} voxels along every axis; the scan has {min(reference.shape)}.")
    if not (reference > HEAD).any():
        raise InputError("The reference is empty: nothing in it is brighter than 5 % of its 99.9th percentile.")
