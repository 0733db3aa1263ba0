"""How a scan's brightness is spread, and whether a model has seen the like.

Two histograms tell. The one of the head finds what is plainly different, such as a negative or a CT. The one of the head's center, scaled
to the center's own brightest tissue, tells T2-weighted scans (bright fluid, darker brain) from T1-weighted and FLAIR ones (bright brain,
dark fluid), which the first cannot: fat and skin are bright in all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image.metrics import HEAD
from ..image.normalization import Normalization

BINS = 32

UNLIKE = 0.1
"""Distance of histograms, in units of the brightness scale, beyond which a contrast is unlike those a model has seen. Scans of a trained
contrast are at most 0.09 away from the nearest scan of the training; T2-weighted heads 0.13, negatives and CT 0.1 to 0.4."""

APART = 0.01
"""Histograms nearer than this to one that is kept add nothing to it."""

CENTER = (0.2, 0.8)
"""The shares of the head's voxels, counted along each axis, between which its center lies."""

BRIGHTEST = 99.0
"""Percentile of the center that is its brightest tissue; the few voxels above are vessels."""

DARKEST = 1.0
"""Percentile of a scan below which an undershoot lies."""

Histograms = dict[str, list[float]]


def histograms_of(array: NDArray[np.generic]) -> Histograms:
    """Shares of the voxels in `BINS` equal bins of [0, 1], of the `head` on the models' scale and of its `center` on its own.

    Args:
        array: (i, j, k), a scan in any unit.
    """
    bright = _scale(array).apply(array)
    center = bright[_center(bright > HEAD)]
    inside = center[center > HEAD]
    top = float(np.percentile(inside, BRIGHTEST)) if inside.size else 1.0
    return {"head": _shares(bright[bright > HEAD]), "center": _shares(inside / np.float32(max(top, HEAD)))}


def gather(arrays: Iterable[NDArray[np.generic]]) -> dict[str, list[list[float]]]:
    """The histograms of scans of one contrast, as cards keep them: without those that are nearly the same as another.

    Args:
        arrays: (i, j, k) each; read one at a time.
    """
    kept: dict[str, list[list[float]]] = {"head": [], "center": []}
    for array in arrays:
        for kind, histogram in histograms_of(array).items():
            if all(histogram_distance(histogram, other) > APART for other in kept[kind]):
                kept[kind].append(histogram)
    return kept


def distance_to(array: NDArray[np.generic], known: Mapping[str, Any]) -> float:
    """How far a scan's brightness is from the nearest that a card keeps; the larger of head and center, 0 if it keeps none.

    Args:
        array: (i, j, k), a scan in any unit.
        known: `training.histograms` of a card: for each contrast what `gather` gives.
    """
    if not known:
        return 0.0
    own = histograms_of(array)
    found = []
    for kind, histogram in own.items():
        others = [other for contrast in known.values() for other in contrast[kind]]
        found.append(min((histogram_distance(histogram, other) for other in others), default=0.0))
    return max(found)


def histogram_distance(first: Sequence[float], second: Sequence[float]) -> float:
    """The earth mover's distance of two histograms over [0, 1], in [0, 1]: how far brightness must be moved to make them one.

    Raises:
        InputError: their bins differ in number.
    """
    if len(first) != len(second):
        raise InputError(f"The histograms have {len(first)} and {len(second)} bins; they must be the same.")
    return float(np.abs(np.cumsum(np.asarray(first) - np.asarray(second))).sum() / len(first))


def _scale(array: NDArray[Any]) -> Normalization:
    """That of the models, but for an undershoot at edges, as resampling leaves it: the darkest voxel is not air then."""
    usual = Normalization.of(array)
    if usual.offset == 0:
        return usual
    offset = min(0.0, float(np.percentile(array, DARKEST)))
    return Normalization(offset, usual.scale + usual.offset - offset or 1.0)


def _shares(values: NDArray[np.float32]) -> list[float]:
    counts, _ = np.histogram(np.clip(values, 0, 1), bins=BINS, range=(0, 1))
    return [round(float(c), 5) for c in counts / max(1, counts.sum())]


def _center(head: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The box between the shares `CENTER` of a mask's voxels on each axis."""
    box = []
    for axis in range(head.ndim):
        filled = head.sum(axis=tuple(other for other in range(head.ndim) if other != axis)).cumsum()
        first, last = np.searchsorted(filled, [share * filled[-1] for share in CENTER])
        box.append(slice(int(first), int(last) + 1))
    return tuple(box)
