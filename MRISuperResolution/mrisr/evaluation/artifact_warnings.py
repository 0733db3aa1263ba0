"""What is said of artifacts that a scan's voxels show, and from where on."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..image.noise import measure_noise
from ..image.normalization import Normalization
from ..image.volume import Volume
from .artifacts import alternation, ghost, middle, spike

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

AIR, SOFT = (-1100, -900), (-150, 200)
"""Hounsfield units of air and of soft tissue; so much of a computed tomogram lies in each."""

CT_SHARES = (0.1, 0.1)


def artifacts_of(scan: Volume) -> list[tuple[str, str]]:
    """A code and a sentence for each artifact that a scan shows; empty for a clean one.

    Args:
        scan: as it was read.
    """
    if looks_like_ct(scan.array):
        return [("modality", CT)]
    found = _alternating(scan)
    if ghost(scan) > GHOST:
        found.append(
            (
                "ghost",
                (
                    "The scan holds a second image of itself half a field of view away: "
                    "a model would sharpen that ghost as well."
                ),
            )
        )
    if spike(scan) > SPIKE:
        found.append(
            (
                "spike",
                (
                    "Stripes of one direction and width run through the scan, as from a spike in its raw data: "
                    "a model takes them for anatomy."
                ),
            )
        )
    noise = measure_noise(middle(scan.array, ENOUGH), scan.spacing)
    share = noise.sigma / Normalization.of(scan.array).scale
    if not noise.bound and share > NOISY:
        found.append(
            (
                "noise",
                (
                    f"The scan's noise is {100 * share:.0f} % of its brightness, more than any model was trained on: "
                    "do not expect it to be told from detail."
                ),
            )
        )
    return found


CT = "The voxels look like Hounsfield units: a CT, not an MR scan. The models know only MRI and would make detail up."


def looks_like_ct(array: NDArray[Any]) -> bool:
    """Whether voxels are Hounsfield units: much air near -1000, and much soft tissue near 0."""
    if float(array.min()) > AIR[1]:
        return False
    shares = [float(((array >= low) & (array <= high)).mean()) for low, high in (AIR, SOFT)]
    padded = float((array < AIR[0]).mean())
    return shares[0] + padded >= CT_SHARES[0] and shares[1] >= CT_SHARES[1]


def _alternating(scan: Volume) -> list[tuple[str, str]]:
    seen, found = alternation(scan), []
    if abs(seen.step) > STEP and abs(seen.step) > SURE * seen.step_error:
        found.append(
            (
                "steps",
                (
                    f"Every other slice is brighter by {200 * abs(seen.step):.0f} %, as of interleaved scans: a model takes the steps "
                    "for structure across the slices."
                ),
            )
        )
    if seen.shift > SHIFT and seen.shift > SURE * seen.shift_error:
        found.append(
            (
                "shifts",
                (
                    f"Every other slice is shifted, by {2 * seen.shift:.1f} voxels or more, as where somebody moved in between: "
                    "across the slices edges are jagged."
                ),
            )
        )
    return found
