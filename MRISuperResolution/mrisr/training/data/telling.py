"""What a network that can be told the acquisition is told of a scan in training, as in use: all, or what one would take it for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...neural.conditioning import UNKNOWN, Table, profile_table
from ...physics.acquisition import Acquisition
from ...physics.degradation import Degradation
from ...pipeline.assumption import EQUIVALENT, USUAL, WIDTHS, Sort, equivalent, told

ESTIMATED = 0.5
"""The share of scans that nobody states anything of whose profile is estimated; the others are taken for what is usual."""

ERROR = 0.12
"""One standard deviation of such an estimate."""

STEP = 0.04
"""Errors are multiples of this, so that the same matrices serve again."""


def as_told(
    acquisition: Acquisition, degradation: Degradation, rng: np.random.Generator
) -> tuple[Acquisition, Table]:
    """How a network is shown that a scan was made, and what it is told of that.

    Args:
        acquisition: how it was made.
        degradation: what that was drawn from.
        rng: decides how much is known.

    Returns:
        The Gaussians behind the second estimate, see `assumption.told`, and the profiles as far as they are known.
    """
    sort: Sort = "slices" if degradation.refines == "one" else "kspace"
    if rng.random() < degradation.told:
        return told(acquisition, [sort] * 3), profile_table(acquisition, [True] * 3)
    error = STEP * round(rng.normal(0, ERROR) / STEP) if rng.random() < ESTIMATED else None
    return told(_guessed(acquisition, sort, error), [sort] * 3), UNKNOWN


def _guessed(acquisition: Acquisition, sort: Sort, error: float | None) -> Acquisition:
    """The Gaussians that an estimate with this error would find; without one those that are usual."""
    i, j, k = (
        width
        if profile not in EQUIVALENT
        else USUAL[sort].width
        if error is None
        else float(np.clip(equivalent(profile, width) + error, *WIDTHS))
        for profile, width in zip(acquisition.profile, acquisition.width, strict=True)
    )
    a, b, c = ("gaussian" if profile in EQUIVALENT else profile for profile in acquisition.profile)
    return replace(acquisition, profile=(a, b, c), width=(i, j, k))
