"""Whether the spread of a result is high where somebody looks: in a region such as a lesion or a structure to be measured.

The spread that flips show is smaller than a result's real error, but it says where the error is. Over thick4 and iso2-noisy scans of
T1w, T2w and FLAIR heads restored by the 3-D networks, voxels whose spread exceeds `HIGH` are wrong by 1.5 to 2.4 times as much (root mean
square) as the head on the whole, and 33 to 50 % of them by more than a tenth of the brightness, against 10 to 18 % of all voxels. They
make up 0.6 to 3.6 % of these heads (5.6 % of a thick6 one), and 9 to 23 % of others in thick slices. Where they are `SHARE` of a region's
voxels, and `TIMES` as many as in the head on the whole, the model is less sure than it usually is.

A model that treats every direction alike, as the gradient filters and interpolation do, gives the same for every flip: its spread is 0
and says nothing about it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

HIGH = 0.02
"""Spread, as a fraction of the scan's 99.9th percentile, that is called high."""

SHARE = 0.1
"""Part of a region's voxels with a high spread from which on the region is warned about: twice what a whole head has, or more."""

TIMES = 2.0
"""A region is warned about that has so many times the share of the head: where much is high everywhere, ordinary brain is, too."""

SPREAD_TOLERANCE = 1e-5
"""A spread that is nowhere more than this fraction of the brightness comes from rounding: the samples were all the same."""


@dataclass(frozen=True)
class SpreadVerdict:
    """How sure a model was in a region.

    Args:
        warn: whether the spread is high in it.
        sentence: what that means, in plain words.
        voxels: how many voxels the region has; 0 if it lies outside.
        share: the part of them whose spread is above the threshold, 0 to 1.
        median, highest: spread in the region, in percent of the brightness; highest is the 99th percentile.
        threshold: in percent of the brightness.
    """

    warn: bool
    sentence: str
    voxels: int
    share: float
    median: float
    highest: float
    threshold: float

    def describe(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)


def judge_spread(
    spread: NDArray[np.float32],
    brightness: float,
    mask: NDArray[np.bool_] | None = None,
    high: float = HIGH,
    usual: float = 0.0,
) -> SpreadVerdict:
    """Whether the spread is high in a region.

    Args:
        spread: (i, j, k) standard deviation of the samples, in the scan's units.
        brightness: the scan's 99.9th percentile above its air, in its units, see `Normalization.scale`.
        mask: (i, j, k) the region; None for the whole field.
        high: what is called high, as a fraction of the brightness.
        usual: the share of the whole head that is high in this result, 0 to 1; see `high_share`.

    Raises:
        InputError: the mask has another shape, or the brightness is not positive.
    """
    if brightness <= 0:
        raise InputError(f"The brightness must be positive; got {brightness:g}.")
    if mask is not None and mask.shape != spread.shape:
        raise InputError(
            f"The region has {mask.shape} voxels and the spread {spread.shape}; they must be the same."
        )
    inside = (spread if mask is None else spread[mask]).ravel() / np.float32(brightness)
    percent = 100 * high
    if not inside.size:
        return SpreadVerdict(False, "The region lies outside the result; move it.", 0, 0.0, 0.0, 0.0, percent)
    share = float(np.mean(inside > high))
    median, highest = (100 * float(value) for value in np.percentile(inside, (50, 99)))
    mute = float(spread.max()) <= SPREAD_TOLERANCE * brightness
    limit = min(1.0, max(SHARE, TIMES * usual))
    warn = share >= limit and not mute
    part = f"in {100 * share:.0f} % of the region its repeats differ by more than {percent:.2g} % of the brightness"
    part += f", and in {100 * usual:.0f} % of the whole head" if usual > 0 else ""
    sentence = _sentence(warn, mute, part, median)
    return SpreadVerdict(warn, sentence, int(inside.size), share, median, highest, percent)


def high_share(spread: NDArray[np.float32], brightness: float, high: float = HIGH) -> float:
    """The part of the voxels whose spread is high.

    Args:
        spread: of the head's voxels, in the scan's units.
        brightness: as in `judge_spread`.
        high: what is called high, as a fraction of the brightness.

    Example:
        >>> high_share(np.array([1, 2, 3, 10], np.float32), 100)
        0.5
    """
    return float(np.mean(spread > high * brightness)) if spread.size else 0.0


def _sentence(warn: bool, mute: bool, part: str, median: float) -> str:
    if mute:
        return "All repeats gave the same: this model treats every direction alike, and its spread says nothing about how sure it is."
    if warn:
        return f"The model is not sure of what it shows here (the spread is high): {part}. Do not judge by it alone."
    return f"The spread is not high here: {part} (in half of it by less than {median:.2g} %)."
