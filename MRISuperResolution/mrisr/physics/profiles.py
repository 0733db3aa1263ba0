"""Slice profiles and point-spread functions: what one sample of a scan gathers along an axis. A table, one row a profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .operators import Matrix, band_rows, down_and_up, gaussian_rows, linear_rows, rectangle_rows

Positions = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """One kind of profile.

    Args:
        name: as acquisitions and configurations write it.
        matrix: maps the samples' positions (in voxels of the finer grid), that grid's length, and the profile's width (in units of the
            samples' spacing) to the weights, (samples, voxels); None where every sample is its voxel.
        same_matrix: whether it goes down and up again, so that there are as many samples as voxels.
        condition: what is true of a scan made with it, as the end of a sentence that begins with "if"; may hold `{width}`. Empty where
            the width in voxels says it.
        magnitude: whether it leaves negative lobes, of which a scanner shows the magnitude.
    """

    name: str
    matrix: Callable[[Positions, int, float], Matrix | None]
    same_matrix: bool = False
    condition: str = ""
    magnitude: bool = False


def _point(positions: Positions, n: int, _width: float) -> Matrix | None:
    if len(positions) == n and np.allclose(positions, np.arange(n), atol=1e-3):
        return None
    return linear_rows(positions, n)


def _gaussian(positions: Positions, n: int, width: float) -> Matrix:
    return gaussian_rows(positions, n, width * _pitch(positions, n))


def _rectangle(positions: Positions, n: int, width: float) -> Matrix:
    return rectangle_rows(positions, n, width * _pitch(positions, n))


def _band(positions: Positions, n: int, width: float) -> Matrix:
    return band_rows(positions, n, width * _pitch(positions, n))


def _pitch(positions: Positions, n: int) -> float:
    """The samples' spacing, in voxels."""
    return abs(float(positions[1] - positions[0])) if len(positions) > 1 else n / len(positions)


INTERPOLATED = "it was interpolated from voxels {width:g} times as large"

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("none", _point),
        Profile("gaussian", _gaussian),
        Profile("rectangle", _rectangle),
        Profile("kspace", _band, magnitude=True),
        Profile(
            "zoom",
            lambda _positions, n, width: down_and_up(n, width, order=2, prefilter=False),
            True,
            INTERPOLATED,
        ),
        Profile(
            "spline",
            lambda _positions, n, width: down_and_up(n, width, order=3, prefilter=True),
            True,
            INTERPOLATED,
        ),
    )
}
"""`gaussian` (width: its FWHM) and `rectangle` integrate around each sample, `none` samples there; `kspace` keeps the frequencies up to
half a cycle a width, as a scanner that measures no others (a 3-D scan on every axis, a 2-D one within its slices); `zoom` and `spline` go
to 1/width of the samples and back on the same matrix with SciPy's `zoom` (order 2 without prefilter, which is a blur, and order 3 with
it)."""
