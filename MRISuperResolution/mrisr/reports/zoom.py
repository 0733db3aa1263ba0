"""One place of a result seen from near: where it differs most from what was measured, or where it adds most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ..image.grid import FACTOR_TOLERANCE
from ..image.metrics import HEAD
from ..image.normalization import Normalization
from ..image.volume import Volume
from ..physics.interpolation import interpolate
from ..physics.operators import FWHM_PER_SIGMA
from .cut import Cut, spoken_place
from .figure import PLANES
from .opening import plane_of
from .page import row_of
from .pictures import Frame, Window, figure_of, legend

SIDE_MM = 60.0
"""Of the square that is looked at."""

MOST_OF = 0.5
"""It is no larger than this part of the slice, so that it is always nearer than the whole."""

BLUR_MM = 4.0
"""What is added is averaged over so much, so that no single voxel is called a place."""

INNER = (0.2, 0.8)
"""The shares of the head's voxels, counted along each axis, between which it is looked for what was added: skin and skull are not
what a scan is made for."""

BRIGHTEST = 99.5
"""Percentile of the difference that gets the full color."""


@dataclass(frozen=True)
class Place:
    """Where to look.

    Args:
        ras: in mm.
        why: what there is, as a heading.
        told: the same as a sentence.
    """

    ras: tuple[float, float, float]
    why: str
    told: str


def zoom_on(scan: Volume, result: Volume, trust: Mapping[str, Any], gray: Window) -> str:
    """The place that matters most, as measured, interpolated and enhanced, and what is added there.

    Args:
        scan: what was measured.
        result: what was made of it.
        trust: the verdict.
        gray: how scan and result are drawn.
    """
    keeps = max(scan.grid.factor_to(result.grid)) <= 1 + FACTOR_TOLERANCE
    measured = scan.array.astype(np.float32)
    plain = result.with_array(interpolate(measured, scan.grid, result.grid))
    added = result.with_array(result.array.astype(np.float32) - plain.array)
    place = place_of(plain, added, trust)
    if keeps and worst_place(trust) is None:
        told = f"Here ({spoken_place(place.ras)}) the result differs most from your scan."
        place = Place(place.ras, "where most was changed", told)
    cut, near = _telling_cut(added, place.ras, plane_of(scan.grid))
    height, width = near.places.shape[:2]
    difference = near.of(added)
    bound = float(np.percentile(np.abs(difference), BRIGHTEST)) or 1.0
    window = Window(-bound, bound, "berlin")
    top, left, rows, columns = cut.box(place.ras, _side(cut))
    shown = [figure_of(near.of(scan), near, gray, "Your scan, as it was measured")]
    if not keeps:
        shown.append(figure_of(near.of(plain), near, gray, "Plain interpolation: nothing added"))
    shown.append(figure_of(near.of(result), near, gray, "Result"))
    beside = [
        figure_of(cut.of(result), cut, gray, "Where this is", Frame(top, left, rows, columns)),
        figure_of(
            difference,
            near,
            window,
            "Difference: result minus " + ("scan" if keeps else "plain interpolation"),
        ),
    ]
    share = 100 * bound / (gray.high - gray.low)
    colors = legend(
        "difference",
        window,
        (
            f"−{bound:.3g} (−{share:.2g} %): result darker",
            "0: same",
            f"+{bound:.3g} (+{share:.2g} %): brighter",
        ),
        f"Colors of the difference, from {-bound:.3g} (blue) over 0 (black) to {bound:.3g} (red)",
    )
    size = f"{width * near.pixel[1]:.0f} × {height * near.pixel[0]:.0f} mm"
    told = (
        f"<div><p>{place.told} The square is {size} wide, in the {near.plane} slice at {near.position}.</p>"
        "<p>What you see in the result but not in your scan is estimated, not measured.</p></div>"
    )
    return (
        f'<section class="zoom"><h2>Seen from near: {place.why}</h2>{row_of(shown)}{row_of([*beside, told])}'
        f"<p>Colors of the difference, in percent of the scan's brightness:</p>{colors}</section>"
    )


def place_of(plain: Volume, added: Volume, trust: Mapping[str, Any]) -> Place:
    """The worst place if it is what the verdict is about, else where most is added.

    Args:
        plain: the scan, interpolated on the result's grid.
        added: what the result adds to it.
        trust: the verdict.
    """
    if (worst := worst_place(trust)) is not None:
        told = f"Here ({spoken_place(worst)}) the result differs most from what your scan shows."
        return Place(worst, "the worst place", told)
    sigma = [BLUR_MM / FWHM_PER_SIGMA / s for s in added.spacing]
    amount = ndimage.gaussian_filter(np.square(added.array), sigma, mode="constant")
    box = _inner(plain)
    index = np.array(np.unravel_index(int(amount[box].argmax()), amount[box].shape)) + [
        part.start for part in box
    ]
    x, y, z = (float(v) for v in (added.affine @ np.array([*index, 1.0]))[:3])
    where = spoken_place((x, y, z))
    return Place(
        (x, y, z),
        "where most detail was added",
        f"Here ({where}) the result adds most to plain interpolation.",
    )


def worst_place(trust: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """The place that a verdict is about, RAS in mm; None where it is about the whole."""
    limits = trust.get("limits") or (np.inf,)
    if trust["color"] == "green" or trust["worst"] <= limits[0]:
        return None
    x, y, z = (float(v) for v in trust["worst_ras"])
    return x, y, z


def _inner(plain: Volume) -> tuple[slice, ...]:
    """The box between the shares `INNER` of the head's voxels; the whole field where there are none."""
    head, box = Normalization.of(plain.array).apply(plain.array) > HEAD, []
    for axis, n in enumerate(plain.shape):
        filled = head.sum(axis=tuple(other for other in range(3) if other != axis)).cumsum()
        first, last = (
            np.searchsorted(filled, [share * filled[-1] for share in INNER]) if filled[-1] else (0, n - 1)
        )
        box.append(slice(int(first), int(last) + 1))
    return tuple(box)


def _telling_cut(added: Volume, ras: Sequence[float], cut_in: str) -> tuple[Cut, Cut]:
    """Of the slices through a place the one that most was added to around it, whole and from near.

    Of scans that were cut in slices only those across them, where they show.
    """
    pairs = []
    for plane in PLANES:
        if plane != cut_in:
            cut = Cut.through(added.grid, plane, ras)
            pairs.append((cut, cut.around(ras, _side(cut))))
    return max(pairs, key=lambda pair: float(np.square(pair[1].of(added)).mean()))


def _side(cut: Cut) -> float:
    rows, columns = cut.places.shape[:2]
    height, width = cut.pixel
    return min(SIDE_MM, MOST_OF * float(rows) * height, MOST_OF * float(columns) * width)
