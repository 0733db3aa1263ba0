"""A result, scanned again, against the scan it came from: one number, one color, one sentence.

If x is the result, A the acquisition and y the scan, then A x − y (|A x| − y of a magnitude scan) holds what the result says that the
scanner did not see. Of a faithful result it is no more than the noise. Two things are looked at, both in units of the noise (of a nearly
noise-free scan, of 1 % of its brightness, which nobody can see):

* the ratio ‖A x − y‖ / noise over the head: how well the result agrees with the scan on the whole;
* the worst place: |A x − y| smoothed over a voxel, which averages noise away and keeps what is as large as a lesion, less what plain
  linear interpolation leaves at the same place, for blurred edges are no inventions.

          ratio                                              worst place
    green up to 1.5, or to what linear interpolation leaves  up to 2
    amber up to twice that                                   up to 3
    red   beyond                                             beyond

Two things are never green: a result that agrees only if the scan was made as neither anybody nor a header has said it was, for the same
assumption or estimate that made it agrees with itself; and a result that is the scan, unchanged.

Why these: over iso2-noisy, thick4 and kspace-2x2 scans of two contrasts, the worst place of faithful results (the truth, interpolation
with and without consistency, gradient filters) lies below 1.3; that of an invented Gaussian spot of 30 % of the brightness (standard
deviation 3 mm) between 5 and 17, of one of 15 % between 2.5 and 7. What A cannot see, such as texture finer than the voxels, no test of
this kind can judge.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from ..image.arrays import Array
from ..image.filters import greatest, smoothed
from ..image.grid import Grid
from ..image.metrics import HEAD
from ..image.noise import estimate_noise
from ..physics.interpolation import interpolate
from ..physics.observation import Observation

Color = Literal["green", "amber", "red"]

COLORS: tuple[Color, Color, Color] = ("green", "amber", "red")

RATIO = 1.5
"""‖A x − y‖ / noise up to which a result agrees with its scan; twice that is too much."""

GRACE = 1.05
"""So much more than linear interpolation leaves is still as good as that."""

WORST = (2.0, 3.0)
"""Smoothed residual, in units of the noise, up to which a place is green and amber."""

FLOOR = 0.01
"""Disagreement that is never held against a result, as a fraction of the scan's 99.9th percentile."""

BEYOND = 1.0
"""Percent of the head from which on it is said that a result is brighter than anything in its scan."""

UNCHANGED = "Nothing was changed: the result is your scan."

EXPLANATION = (
    "The result is sent back through the acquisition and compared with the measured scan. "
    f"Ratio: the difference over the noise in the head; green up to {RATIO:g} (or to what plain linear interpolation leaves), "
    f"amber up to twice that. Worst place: the smoothed difference over the noise; green up to {WORST[0]:g}, amber up to {WORST[1]:g}. "
    "Detail finer than the scan's voxels cannot be checked this way, and nothing is green while it is only assumed or estimated how "
    "the scan was made."
)


@dataclass(frozen=True)
class Verdict:
    """How far a result agrees with its scan.

    Args:
        color: `green`, `amber` or `red`.
        agreement: the color that the two numbers alone give.
        sentence: what that means, in plain words; without the numbers.
        condition: what was only assumed or estimated about the scan, and which of the two, as the end of a sentence that begins with
            "if"; empty if it was stated or read.
        ratio: ‖A x − y‖ over the noise, root mean square in the head.
        worst: the largest smoothed residual beyond linear interpolation's, over the noise.
        worst_ras: where that is, in mm.
        noise: standard deviation of the scan's noise, in its units.
        noise_percent: the same in percent of the scan's 99.9th percentile.
        tolerance: what the residual was divided by, in the scan's units: the noise, or `FLOOR` if that is more.
        limit: the ratio up to which this scan's results are green.
        beyond_percent: how much of the head is brighter than anything in the scan.
        explanation: what the numbers mean and where the thresholds lie.
    """

    color: Color
    agreement: Color
    sentence: str
    condition: str
    ratio: float
    worst: float
    worst_ras: tuple[float, float, float]
    noise: float
    noise_percent: float
    tolerance: float
    limit: float
    beyond_percent: float = 0.0
    explanation: str = EXPLANATION

    def describe(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)


def judge(
    estimate: Array,
    observation: Observation,
    target: Grid,
    scale: float = 1.0,
    *,
    condition: str = "",
    unchanged: bool = False,
    noise: float | None = None,
) -> Verdict:
    """How far an estimate agrees with the scan.

    Args:
        estimate: (i, j, k) on the grid `target`, on the models' scale; an array of NumPy's, or a tensor, on whose device all is computed.
        observation: the scan, on the models' scale, and A.
        target: where the estimate is.
        scale: what 1 on the models' scale is in the scan's units.
        condition: what must be true of the scan for the acquisition to be right, if nobody said how it was made; see
            `planning.Plan.doubt`.
        unchanged: whether the estimate is the scan itself.
        noise: standard deviation of the scan's noise on the models' scale, 0 if it is too weak to be seen; None to find out.
    """
    scan, measurement = observation.volume, observation.of(target).beside(estimate)
    if noise is None:
        noise = estimate_noise(scan.array, scan.spacing, observation.acquisition.kspace)
    tolerance = max(noise, FLOOR)
    rest = measurement.residual(estimate)
    plain = measurement.residual(interpolate(measurement.measured, scan.grid, target, "linear"))
    ratio, usual = (measurement.rms(r) / tolerance for r in (rest, plain))
    excess = _excess(rest, plain, scan.spacing)
    where = np.unravel_index(int(excess.argmax()), tuple(excess.shape))
    worst, limit = float(excess[where]) / tolerance, max(RATIO, GRACE * usual)
    agreement = COLORS[max(_step(ratio, limit, 2 * limit), _step(worst, *WORST))]
    x, y, z = (scan.affine @ np.array([*where, 1.0]))[:3]
    return Verdict(
        color="amber" if agreement == "green" and (condition or unchanged) else agreement,
        agreement=agreement,
        sentence=UNCHANGED if unchanged else _sentence(agreement, ratio > RATIO, worst > WORST[0], condition),
        condition=condition,
        ratio=round(ratio, 4),
        worst=round(worst, 4),
        worst_ras=(round(float(x), 3), round(float(y), 3), round(float(z), 3)),
        noise=noise * scale,
        noise_percent=round(100 * noise, 3),
        tolerance=tolerance * scale,
        limit=round(limit, 4),
        beyond_percent=round(_beyond(estimate, measurement.measured), 3),
    )


def _excess(rest: Array, plain: Array, spacing: tuple[float, float, float]) -> Array:
    """|rest| smoothed over the finest voxel, beyond |plain| smoothed alike within a voxel; 0 or more."""
    sigma = [min(spacing) / s for s in spacing]
    rough, usual = (abs(smoothed(r, sigma)) for r in (rest, plain))
    return (rough - greatest(usual)).clip(0)


def _beyond(estimate: Array, measured: Array) -> float:
    """How much of the head is brighter than anything in the scan, in percent."""
    head = float((estimate > HEAD).sum())
    return 100 * float((estimate > float(measured.max())).sum()) / max(1.0, head)


def _step(value: float, green: float, amber: float) -> int:
    return int(value > green) + int(value > amber)


def _sentence(agreement: Color, as_interpolation: bool, in_one_place: bool, condition: str) -> str:
    """What a clinician is told; the numbers stand beside it."""
    if agreement == "green":
        good = (
            "Is as near to your scan as plain interpolation" if as_interpolation else "Agrees with your scan"
        )
        return f"{good}, if {condition}." if condition else f"{good}."
    where = "in one place" if in_one_place else "on the whole"
    found = {
        "amber": f"Differs from your scan {where} by more than its noise: look at the residual map before you rely on it.",
        "red": f"Contradicts your scan {where}: structures may be invented or lost. Do not rely on them.",
    }[agreement]
    return f"{found} Judged as if {condition}." if condition else found
