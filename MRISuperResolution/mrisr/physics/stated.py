"""How a scan was made, in the words that terminal, panel, console and job files share.

    slices:3          slices 3 mm thick, whatever lies between them
    kspace:0.5        only the central half of k-space was measured along the in-plane axes; the rest is zeros
    kspace:0.5@RAS    the same along all three axes: R left–right, A front–back, S head–foot
    blur:3.5          blurred as by a Gaussian of 3.5 mm, full width at half maximum
    interpolated:2    interpolated from voxels twice as large, by splines of order 2
    spline:1.875      the same by cubic splines

Where no axes are named, slices are thick along the axis that is refined most or is the coarsest; k-space is cut along the two others, or,
of an isotropic scan, along all but head–foot; the rest holds for all axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from ..errors import InputError
from ..image.grid import FACTOR_TOLERANCE, Grid, Triple
from .acquisition import Acquisition, Profiles

Kind = Literal["slices", "kspace", "blur", "interpolated", "spline"]

KINDS: tuple[Kind, ...] = get_args(Kind)

LIMITS: dict[Kind, tuple[float, float]] = {
    "slices": (0.01, 100.0),
    "kspace": (0.05, 1.0),
    "blur": (0.01, 100.0),
    "interpolated": (1.0, 10.0),
    "spline": (1.0, 10.0),
}
"""Smallest and largest value of each kind: mm, a fraction, mm, and factors."""

WIDTHS = (0.1, 10.0)
"""A profile narrower or wider than so many voxels is a typing error."""

UNEVEN = 1.05
"""From this ratio on, the largest spacing tells in which direction a scan was cut into slices."""

PAIRS = ("RL", "AP", "SI")
"""The two directions of each anatomical axis, in the order of the letters of `Stated.axes`."""

FORMS = "slices:MM, kspace:FRACTION, blur:MM, interpolated:FACTOR or spline:FACTOR, with @RAS or fewer letters behind it for the axes"


@dataclass(frozen=True)
class Stated:
    """One statement.

    Args:
        kind: what is stated.
        value: the slices' thickness or the blur's width (FWHM) in mm, the fraction of k-space, or the factor of interpolation.
        axes: some of the letters R, A and S; empty for the usual ones.

    Raises:
        InputError: the value or the axes make no sense.

    Example:
        >>> Stated.of("kspace:0.5@RA")
        Stated(kind='kspace', value=0.5, axes='RA')
    """

    kind: Kind
    value: float
    axes: str = ""

    def __post_init__(self) -> None:
        low, high = LIMITS[self.kind]
        if not (math.isfinite(self.value) and low <= self.value <= high):
            raise InputError(f"In {self.text!r} the number must lie between {low:g} and {high:g}.")
        if len(set(self.axes)) < len(self.axes) or not set(self.axes) <= set("RAS"):
            raise InputError(f"In {self.text!r} the axes must be some of the letters R, A and S, each once.")

    @classmethod
    def of(cls, text: str) -> Stated:
        """What a text states.

        Raises:
            InputError: it is no statement.
        """
        kind, _, rest = text.strip().partition(":")
        value, _, axes = rest.partition("@")
        if kind not in KINDS:
            raise InputError(f"{text!r} does not say how a scan was made; write {FORMS}.")
        try:
            number = float(value)
        except ValueError as error:
            raise InputError(f"{text!r} lacks its number; write {FORMS}.") from error
        return cls(kind, number, axes.upper())

    @property
    def text(self) -> str:
        """The statement as `of` reads it."""
        return f"{self.kind}:{self.value:.12g}" + (f"@{self.axes}" if self.axes else "")

    @property
    def keeps_matrix(self) -> bool:
        """Whether the scan lost something else than voxels, so that what brings it back works on its own matrix."""
        return self.kind != "slices"

    def acquisition(
        self, scan: Grid, factor: Sequence[float], usual: Acquisition | None = None
    ) -> Acquisition:
        """The forward model of a scan that is to be refined by `factor`; axes of which nothing is stated are as `usual`."""
        usual = usual or Acquisition.of_factor(factor)
        if self.kind == "kspace":
            return Acquisition(
                usual.profile, usual.width, self._each(scan, factor, lambda _axis: self.value, usual.kspace)
            )
        names: dict[Kind, str] = {"interpolated": "zoom", "spline": "spline"}
        profile = names.get(self.kind, "gaussian")
        hit = self._hits(scan, factor)
        profiles = [profile if chosen else before for chosen, before in zip(hit, usual.profile, strict=True)]
        width = self._each(scan, factor, lambda axis: self._width(scan.spacing[axis]), usual.width)
        return Acquisition(cast(Profiles, tuple(profiles)), width)

    def _width(self, spacing: float) -> float:
        """In units of the scan's spacing."""
        if self.kind in ("interpolated", "spline"):
            return self.value
        width = self.value / spacing
        if not WIDTHS[0] <= width <= WIDTHS[1]:
            hint = f"{self.kind}:{spacing:.2g}"
            raise InputError(
                f"{self.value:g} mm does not go with voxels of {spacing:.3g} mm; state it in mm, as in {hint}."
            )
        return width

    def _each(
        self, scan: Grid, factor: Sequence[float], value: Callable[[int], float], usual: Triple
    ) -> Triple:
        i, j, k = (value(axis) if hit else usual[axis] for axis, hit in enumerate(self._hits(scan, factor)))
        return (i, j, k)

    def _hits(self, scan: Grid, factor: Sequence[float]) -> list[bool]:
        """Which of the voxel axes are meant."""
        letters = [
            next("RAS"[n] for n, pair in enumerate(PAIRS) if direction in pair)
            for direction in scan.orientation
        ]
        if self.axes:
            return [letter in self.axes for letter in letters]
        if self.kind not in ("slices", "kspace"):
            return [n > 1 for n in scan.shape]
        ranks = [(round(f, 3), round(s, 3)) for f, s in zip(factor, scan.spacing, strict=True)]
        across = ranks.index(max(ranks))
        if self.kind == "slices":
            return [axis == across for axis in range(3)]
        known = max(factor) > 1 + FACTOR_TOLERANCE or max(scan.spacing) > UNEVEN * min(scan.spacing)
        return [axis != across if known else letter != "S" for axis, letter in enumerate(letters)]
