"""What is said of artifacts that a scan's voxels show, and from where on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image.noise import measure_noise
from ..image.normalization import PERCENTILE, Normalization
from ..image.volume import Volume
from .artifacts import HELD, alternation, falloff, ghost, middle, spike, upside_down

STEP = 0.015
"""Half the difference in brightness of odd and even slices from which on it is told; clean validation scans have up to 0.009."""

SHIFT = 0.12
"""Half the shift of odd against even slices, in voxels; clean validation scans have up to 0.11."""

SURE = 4.0
"""So many standard errors at least."""

GHOST = 0.15
"""Clean validation scans have up to 0.02, a ghost of 20 % 0.29 or more."""

SPIKE = 100.0
"""Clean validation scans have up to 30, stripes of 3 % of the brightness 500 or more."""

NOISY = 0.05
"""Noise beyond that of all training, as a fraction of the brightness."""

ENOUGH = 72
"""Voxels along each axis, in the middle, that tell so much noise."""

FALLOFF = 3.3
"""One side so many times as bright as the other. Coils that nobody corrected for make up to 3 in the validation scans, but for one with
the neck (8)."""

INVERTED = (0.5, 0.66)
"""Share of the lines into the object that begin clearly brighter than they go on, and the brightness they begin with, from which on it is
a negative. Clean scans have up to 0.84 and 0.63, never both; their negatives 0.69 and 0.66 or more."""

AIR, SOFT = (-1100, -900), (-150, 200)
"""Hounsfield units of air and of soft tissue; so much of a computed tomogram lies in each."""

CT_SHARES = (0.1, 0.1)

CT_LOOKED = 128
"""Voxels along each axis, at most twice as many, that are looked at."""

NARROW = 0.04
"""Half the width of the band that a tomogram's soft tissue fills, as a fraction of its distance from air."""

CROWDED = 0.35
"""Share of the object within one such band from which on it is a tomogram's: of real ones 0.5, of MR scans up to 0.23."""

BETWEEN = (0.2, 0.7)
"""The soft tissue of a tomogram, as a fraction of its brightest: bone is two to three times as far from air."""


def artifacts_of(scan: Volume) -> list[tuple[str, str]]:
    """A code and a sentence for each artifact that a scan shows; empty for a clean one.

    Args:
        scan: as it was read.
    """
    if looks_like_ct(scan.array):
        return [("modality", CT)]
    scale = Normalization.of(scan.array)
    found = _alternating(scan) + _brightness(scan, scale)
    if ghost(scan) > GHOST:
        found.append(
            (
                "ghost",
                (
                    "The scan holds a second image of itself half a field of view away: "
                    "a model would sharpen that ghost as well; use a repeat without it, and trust nothing where the two overlap."
                ),
            )
        )
    if spike(scan) > SPIKE:
        found.append(
            (
                "spike",
                (
                    "Stripes of one direction and width run through the scan, as from a spike in its raw data: "
                    "a model takes them for anatomy; have the raw data reconstructed without the spike, or use another series."
                ),
            )
        )
    noise = measure_noise(middle(scan.array, ENOUGH), scan.spacing)
    share = noise.sigma / scale.scale
    if not noise.bound and share > NOISY:
        found.append(
            (
                "noise",
                (
                    f"The scan's noise is {100 * share:.0f} % of its brightness, more than any model was trained on: "
                    "do not expect it to be told from detail; denoise it first, or use a less noisy series."
                ),
            )
        )
    return found


CT = (
    "The voxels look like those of a CT, not of an MR scan: nearly all soft tissue is of one brightness, between air and bone. "
    "The models know only MRI and would make detail up; choose an MR scan."
)


def looks_like_ct(array: NDArray[Any]) -> bool:
    """Whether voxels are Hounsfield units, much air near -1000 and much soft tissue near 0, or were before somebody added or scaled."""
    return _hounsfield(array) or _crowded(array)


def _hounsfield(array: NDArray[Any]) -> bool:
    if float(array.min()) > AIR[1]:
        return False
    shares = [float(((array >= low) & (array <= high)).mean()) for low, high in (AIR, SOFT)]
    padded = float((array < AIR[0]).mean())
    return shares[0] + padded >= CT_SHARES[0] and shares[1] >= CT_SHARES[1]


def _crowded(array: NDArray[Any]) -> bool:
    """Whether one narrow band, well below the brightest, holds most of what is no air."""
    thin = array[tuple(slice(None, None, max(1, n // CT_LOOKED)) for n in array.shape)].astype(np.float32)
    # A tomogram is padded with what is darker than its air.
    thin = (thin + 1000 if float(thin.min()) <= AIR[1] else thin).clip(0)
    thin -= thin.min()
    bright = thin / max(float(np.percentile(thin, PERCENTILE)), 1e-6)
    tissue = np.log(bright[bright > HELD])
    if tissue.size < CT_LOOKED:
        return False
    step = NARROW / 8
    counts, edges = np.histogram(tissue, bins=np.arange(np.log(HELD), 0.5, step))
    shares = np.convolve(counts, np.ones(16), "valid") / tissue.size
    middles = np.exp(edges[: len(shares)] + NARROW)
    return bool(shares[(middles > BETWEEN[0]) & (middles < BETWEEN[1])].max() > CROWDED)


def _brightness(scan: Volume, scale: Normalization) -> list[tuple[str, str]]:
    found = []
    share, outermost = upside_down(scan, scale)
    if share > INVERTED[0] and outermost > INVERTED[1]:
        found.append(
            (
                "negative",
                (
                    "The scan looks like a photographic negative: its outermost layer, half air, is the brightest. A model would sharpen "
                    "what it has never seen; use the original images, not inverted ones."
                ),
            )
        )
    times = falloff(scan, scale)
    if times > FALLOFF:
        found.append(
            (
                "falloff",
                (
                    f"One side of the scan is about {times:.0f} times as bright as the other: the coil sees it better. Models and the "
                    "verdict count with one brightness for all tissue; correct it first, as by Slicer's N4ITK MRI Bias Correction."
                ),
            )
        )
    return found


def _alternating(scan: Volume) -> list[tuple[str, str]]:
    seen, found = alternation(scan), []
    if abs(seen.step) > STEP and abs(seen.step) > SURE * seen.step_error:
        found.append(
            (
                "steps",
                (
                    f"Every other slice is brighter by {200 * abs(seen.step):.0f} %, as of interleaved scans: a model takes the steps "
                    "for structure across the slices; even the slices' brightness out first, or use another series."
                ),
            )
        )
    if seen.shift > SHIFT and seen.shift > SURE * seen.shift_error:
        found.append(
            (
                "shifts",
                (
                    f"Every other slice is shifted, by {2 * seen.shift:.1f} voxels or more, as where somebody moved in between: "
                    "across the slices edges are jagged; use a series without motion, or register odd and even slices first."
                ),
            )
        )
    return found
