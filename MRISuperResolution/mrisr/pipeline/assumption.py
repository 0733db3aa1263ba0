"""What is taken of a scan along an axis, by what is known of it; the one table that says what physics means for models and consistency.

An axis is of one of two sorts. Across the slices of a 2-D scan (`slices`) a pulse selects what is measured, whose profile is as wide as
the thickness. All others, those of a 3-D scan and those within slices (`kspace`), hold the frequencies that were measured and no more.
The packaged models were trained on Gaussian profiles about as wide as the spacing: what they are told is the Gaussian that served best
where the truth was known, not the profile itself, see `told`. Consistency and verdict use the profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..image.grid import Grid, Triple
from ..image.header import Header
from ..physics.acquisition import Acquisition
from ..physics.estimation import Estimate

Sort = Literal["slices", "kspace"]
Source = Literal["stated", "read", "estimated", "assumed"]
"""Who says how a scan was made: somebody, its headers, its voxels, or nobody."""


@dataclass(frozen=True)
class Usual:
    """What scanners usually do along an axis, as a Gaussian.

    Args:
        width: its FWHM, in units of the thickness, or of the finest detail that was measured.
        spread: one standard deviation of that among scanners, by which an estimate is weighed.
        plausible: the smallest and largest width that goes with a header, in the same units.
        told: the narrowest Gaussian that models are told, in units of the spacing.
    """

    width: float
    spread: float
    plausible: tuple[float, float]
    told: float


USUAL: dict[Sort, Usual] = {
    # Stacks of a phantom and of patients look like 0.54 to 0.98; told 0.8, models gain on all of the phantom's.
    # Told 0.8 of slices that are thinner or rectangular, they gain twice as much as told the Gaussian that is as sharp.
    "slices": Usual(width=0.8, spread=0.12, plausible=(0.5, 1.1), told=0.8),
    # The finest k-space-limited detail is sharper than any Gaussian; told 0.55, today's weights lose least on it.
    "kspace": Usual(width=0.55, spread=0.15, plausible=(0.4, 0.85), told=0.55),
}

EQUIVALENT = {"gaussian": 1.0, "rectangle": 0.69, "kspace": 0.52}
"""The width of the Gaussian whose spectrum falls as a profile's, in units of the profile's width."""

THICK = 1.5
"""An axis that is so many times coarser than any other is taken to lie across slices, where no header says otherwise."""

SQUARE = 1.05
"""Two axes whose spacings differ by no more are those of pixels, and limited in k-space."""

ERROR = 0.1
"""One standard deviation of an estimate that does not tell its own."""

SHARP = 0.65
"""Up to this width, a Gaussian stands for an axis that is as sharp as its voxels are large."""

WIDTHS = (0.3, 2.5)
"""The narrowest and the widest Gaussian that is taken from headers and voxels."""


@dataclass(frozen=True)
class Belief:
    """What is taken of one axis.

    Args:
        sort: what limits it.
        width: FWHM of the Gaussian that it is taken for, in units of the spacing.
        source: who says so.
        error: one standard deviation of an estimated width.
        contradicted: what the voxels show instead, where that does not go with the header.
        softer: how much wider a Gaussian networks are told.
    """

    sort: Sort
    width: float
    source: Source
    error: float = 0.0
    contradicted: float | None = None
    softer: float = 0.0


def believed(scan: Grid, axis: int, header: Header | None = None, estimate: Estimate | None = None) -> Belief:
    """What is taken of an axis that nobody states anything of: as its header says, else as its voxels show, else as is usual.

    Args:
        scan: where its voxels are.
        axis: 0, 1 or 2.
        header: of the scan, if it has one.
        estimate: from its voxels, if they were looked at.
    """
    sort = _sort(scan, axis, header)
    usual, shown = USUAL[sort], estimate.width[axis] if estimate is not None else None
    error = (estimate.error[axis] if estimate is not None else None) or ERROR
    read = _read(header, axis, sort)
    if read is not None:
        low, high = (edge * read for edge in usual.plausible)
        fits = shown is None or low - 2 * error <= shown <= high + 2 * error
        return Belief(sort, _within(usual.width * read), "read", error, None if fits else shown)
    if shown is not None and estimate is not None:
        # An axis that is plainly no band is not drawn towards what bands look like. Networks are told a standard deviation more: told
        # too little they lose a dB on Gaussians, and what they overdo of others is taken back by consistency with the estimate itself.
        plain = sort == "kspace" and estimate.kind[axis] == "gaussian"
        width = shown if plain else weighed(shown, error, usual)
        return Belief(sort, _within(width), "estimated", error, softer=error if plain else 0.0)
    return Belief(sort, usual.width, "assumed")


def weighed(shown: float, error: float, usual: Usual) -> float:
    """An estimate, drawn towards what is usual by as much as it may be wrong (the mean of two normal distributions).

    Example:
        >>> round(weighed(1.0, 0.12, USUAL["slices"]), 2)
        0.9
    """
    sure, common = 1 / error**2, 1 / usual.spread**2
    return (sure * shown + common * usual.width) / (sure + common)


def equivalent(profile: str, width: float) -> float:
    """The width of the Gaussian that blurs like a profile of this width; of other profiles the width itself."""
    return EQUIVALENT.get(profile, 1.0) * width


def told(acquisition: Acquisition, sorts: Sequence[Sort], softer: Triple = (0.0, 0.0, 0.0)) -> Acquisition:
    """How networks are told that a scan was made: by Gaussians, none narrower than they can make use of.

    Args:
        acquisition: how it was made.
        sorts: what limits each axis.
        softer: how much wider a Gaussian they are told along each axis.

    Example:
        >>> told(Acquisition(("none", "none", "rectangle")), ("kspace", "kspace", "slices")).width
        (1.0, 1.0, 0.8)
    """
    profile, width = list(acquisition.profile), list(acquisition.width)
    for axis, sort in enumerate(sorts):
        if profile[axis] in EQUIVALENT:
            width[axis] = max(USUAL[sort].told, equivalent(profile[axis], width[axis]) + softer[axis])
            profile[axis] = "gaussian"
    return replace(
        acquisition, profile=(profile[0], profile[1], profile[2]), width=(width[0], width[1], width[2])
    )


def _sort(scan: Grid, axis: int, header: Header | None) -> Sort:
    if header is not None and header.dimensions:
        return "slices" if header.dimensions == "2D" and axis == header.axis else "kspace"
    own, others = scan.spacing[axis], [spacing for a, spacing in enumerate(scan.spacing) if a != axis]
    square = any(max(own, other) <= SQUARE * min(own, other) for other in others)
    return "slices" if own > THICK * min(others) and not square else "kspace"


def _read(header: Header | None, axis: int, sort: Sort) -> float | None:
    """The thickness, or the finest detail that was measured, in units of the spacing; None if the header does not say."""
    if header is None:
        return None
    if sort == "slices":
        return header.width if axis == header.axis else None
    resolved = header.resolved[axis]
    if resolved is None:
        return 1.0 if header.dimensions == "3D" else None
    return 1 / resolved


def _within(width: float) -> float:
    return min(WIDTHS[1], max(WIDTHS[0], width))
