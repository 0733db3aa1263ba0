"""What a volume is held against: the scan, how it was made, its noise, and what plain interpolation leaves of it.

If x is a volume, A the acquisition and y the scan, A x − y (|A x| − y of a magnitude scan) holds what x says that the scanner did not see.
Of the truth it is the noise. Two things are looked at, both in units of the noise (of a nearly noise-free scan, of 1 % of its brightness,
which nobody can see):

* the ratio ‖A x − y‖ / noise over the head: how well x agrees with the scan on the whole. It is green up to `RATIO`, or to what cubic
  interpolation leaves, and amber up to twice that;
* the worst place: |A x − y| smoothed over a voxel, which averages noise away and keeps what is as large as a lesion, less what cubic
  interpolation leaves there, for blurred edges are no inventions. Its limits grow with the number of places: noise alone passes the
  first in one scan of a hundred, the second in one of a thousand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist
from typing import Literal

import numpy as np

from ..image.arrays import Array
from ..image.filters import greatest, smoothed, weight
from ..image.grid import FACTOR_TOLERANCE, Grid
from ..image.metrics import HEAD
from ..image.volume import Volume
from ..physics.interpolation import Kind, interpolate, interpolator
from ..physics.observation import Measurement
from ..physics.operators import SeparableOperator

Color = Literal["green", "amber", "red"]

COLORS: tuple[Color, Color, Color] = ("green", "amber", "red")

RATIO = 1.5
"""‖A x − y‖ / noise up to which a volume agrees with its scan; twice that is too much."""

GRACE = 1.05
"""So much more than cubic interpolation leaves is still as good as that."""

WORST = (2.0, 3.0)
"""Smoothed residual of a result, in units of the noise, up to which a place is green and amber, however few places there are."""

CLAIMED = (1.5, 2.5)
"""The same of a network's own output, in which nothing has been clipped yet."""

ALARMS = (0.01, 0.001)
"""How often noise alone may pass the two limits of a scan's worst place."""

FLOOR = 0.01
"""Disagreement that is never held against a volume, as a fraction of the scan's 99.9th percentile."""


@dataclass(frozen=True)
class Agreement:
    """How far a volume agrees with a scan.

    Args:
        color: `green`, `amber` or `red`.
        ratio: ‖A x − y‖ over the noise, root mean square in the head.
        worst: the largest smoothed residual beyond cubic interpolation's, over the noise.
        worst_ras: where that is, in mm.
    """

    color: Color
    ratio: float
    worst: float
    worst_ras: tuple[float, float, float]

    @property
    def rank(self) -> tuple[int, float]:
        """The worse of two agreements has the higher."""
        return COLORS.index(self.color), self.worst


class Yardstick:
    """A scan, and what volumes on one grid are held against.

    Args:
        scan: on the models' scale.
        measurement: what it says of volumes on `target`, as it is taken to have been made.
        target: where they are.
        noise: standard deviation of the scan's noise on the models' scale; 0 if it is too weak to be seen.
        kind: the interpolation that a volume may be as far from the scan as.
        least: what none of its voxels is darker than; None if there is no such value.

    Example:
        >>> from mrisr import Acquisition
        >>> from mrisr.physics.observation import Observation
        >>> scan = Volume(np.full((8, 8, 8), 0.5, np.float32), np.eye(4))
        >>> target = scan.grid.resampled((2, 2, 2))
        >>> measurement = Observation(scan, Acquisition.of_factor((2, 2, 2))).of(target)
        >>> yardstick = Yardstick(scan, measurement, target, noise=0.02)
        >>> yardstick.agreement(np.full(target.shape, 0.5, np.float32)).color
        'green'
        >>> yardstick.agreement(np.full(target.shape, 0.7, np.float32)).color
        'red'
    """

    def __init__(
        self,
        scan: Volume,
        measurement: Measurement,
        target: Grid,
        noise: float,
        *,
        kind: Kind = "cubic",
        least: float | None = None,
    ) -> None:
        self.scan, self.measurement, self.target, self.noise = scan, measurement, target, noise
        self.kind: Kind = kind
        self.least = least
        self.tolerance = max(noise, FLOOR)
        self.sigma = tuple(min(scan.spacing) / s for s in scan.spacing)

    @property
    def keeps_matrix(self) -> bool:
        """Whether no axis is refined, so that interpolation is the scan itself."""
        return max(self.scan.grid.factor_to(self.target)) <= 1 + FACTOR_TOLERANCE

    @cached_property
    def is_lifted(self) -> bool:
        """Whether noise makes what is dark brighter, as in a magnitude."""
        return self.noise > 0 and bool(self.measurement.measured.min() >= 0)

    @cached_property
    def plain(self) -> Array:
        """Interpolation of the scan on the target's grid."""
        plain = interpolate(self.measurement.measured, self.scan.grid, self.target, self.kind)
        return plain if self.least is None else plain.clip(self.least)

    @cached_property
    def plain_rest(self) -> Array:
        """What that leaves of the scan."""
        operator = self.measurement.operator
        if self.least is not None or not isinstance(operator, SeparableOperator):
            return self.residual(self.plain)
        # From scan to scan by three small matrices, which is a fraction of the way over the target's grid.
        again = operator.after(interpolator(self.scan.grid, self.target, self.kind))
        return self._rest(replace(self.measurement, operator=again).seen(self.measurement.measured))

    @cached_property
    def lacking(self) -> float:
        """The same, root mean square in the head."""
        return self.measurement.rms(self.plain_rest)

    @cached_property
    def allowed(self) -> Array:
        """What a place may differ by, beside noise: as much as interpolation does within a voxel of it."""
        return greatest(abs(smoothed(self.plain_rest, self.sigma)))

    @cached_property
    def limit(self) -> float:
        """The ratio up to which volumes are green."""
        return max(RATIO, GRACE * self.lacking / self.tolerance)

    @cached_property
    def chance(self) -> tuple[float, float]:
        """The smoothed residual that noise alone passes as seldom as `ALARMS` says."""
        places = max(1, int((self.measurement.measured > HEAD).sum()))
        kept = math.prod(weight(s) for s in self.sigma) * self.noise / self.tolerance
        green, amber = (-kept * NormalDist().inv_cdf(alarms / (2 * places)) for alarms in ALARMS)
        return green, amber

    def limits(self, least: tuple[float, float] = WORST) -> tuple[float, float]:
        """The smoothed residual up to which the worst place is green, and amber."""
        return max(least[0], self.chance[0]), max(least[1], self.chance[1])

    def residual(self, volume: Array) -> Array:
        """A x − y, or |A x| − y where x is a magnitude's, as noise lifts it.

        The mean of a magnitude with Rician noise is √(a² + σ²) to within σ/4 (Gudbjartsson & Patz 1995).
        """
        return self._rest(self.measurement.seen(volume))

    def _rest(self, seen: Array) -> Array:
        if self.is_lifted:
            seen = (seen.clip(0) ** 2 + self.noise**2) ** 0.5 + seen.clip(None, 0)
        return seen - self.measurement.measured

    def agreement(self, volume: Array, least: tuple[float, float] = WORST, rim: int = 0) -> Agreement:
        """How far a volume on the target's grid agrees with the scan.

        Args:
            volume: on the models' scale.
            least: what is allowed at the worst place, however few places there are.
            rim: so many voxels of the scan at the field's border do not count as a place.
        """
        rest = self.residual(volume)
        ratio = self.measurement.rms(rest) / self.tolerance
        excess = (abs(smoothed(rest, self.sigma)) - self.allowed).clip(0)
        for axis, n in enumerate(excess.shape):
            if rim and n > 2 * rim + 1:
                excess[(slice(None),) * axis + ([*range(rim), *range(n - rim, n)],)] = 0
        where = np.unravel_index(int(excess.argmax()), tuple(excess.shape))
        worst = float(excess[where]) / self.tolerance
        x, y, z = (self.scan.affine @ np.array([*where, 1.0]))[:3]
        return Agreement(
            COLORS[max(_step(ratio, self.limit, 2 * self.limit), _step(worst, *self.limits(least)))],
            round(ratio, 4),
            round(worst, 4),
            (round(float(x), 3), round(float(y), 3), round(float(z), 3)),
        )


def _step(value: float, green: float, amber: float) -> int:
    return int(value > green) + int(value > amber)
