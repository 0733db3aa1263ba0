"""How far to trust a result: one color, one sentence, and the numbers behind them.

The color is the worst of four answers:

* does the *network's own output*, before any step towards the scan, agree with the scan (see `yardstick`)? Steps towards the scan hide
  what a network invents, and would pass over it in part;
* does the *result* agree with it?
* would plain interpolation have been nearer to the truth (see `harm`)?
* was the scan made as it was taken to be, by what its own voxels show (see `pipeline.allowed`)?

Two things are never green besides: a result that agrees only if the scan was made as nobody, no header and none of its voxels say it was;
and a result that is the scan, unchanged. What A cannot see, such as texture finer than the voxels, no test of this kind can judge: the
smallest spot that would be noticed is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..image.arrays import Array
from ..image.metrics import HEAD
from ..physics.operators import SeparableOperator
from .circumstances import Circumstances
from .harm import LEARNED, Signs, harmful, probability, signs
from .smallest import smallest_spots
from .wording import Findings, sentence
from .yardstick import CLAIMED, COLORS, RATIO, WORST, Agreement, Color, Yardstick

BEYOND = 1.0
"""Percent of the head from which on it is said that a result is brighter than anything in its scan."""

RIM = 2
"""Voxels of the scan at the field's border where a network, which has seen half of what it needs, is not held to its own output."""

EXPLANATION = (
    "What the network made and the result are scanned again by calculation, the way your scan was made, and compared with your scan. "
    f"On the whole: their difference in the head over the scan's noise; green up to {RATIO:g} (or to what plain interpolation leaves), "
    f"amber up to twice that. Worst place: the same where it is largest, averaged over a voxel; green up to {CLAIMED[0]:g}, amber up to "
    f"{CLAIMED[1]:g} (of the result {WORST[0]:g} and {WORST[1]:g}), more in a large noisy scan. The chance that plain interpolation is "
    "nearer to the truth was learned from simulated scans of other people. Detail finer than the scan's voxels cannot be checked this "
    "way, and nothing is green while it is only assumed how the scan was made."
)


@dataclass(frozen=True)
class Verdict:
    """How far to trust a result.

    Args:
        color: `green`, `amber` or `red`.
        agreement: the color that the four answers give.
        sentence: what that means, in plain words; without the numbers.
        condition: see `Circumstances`.
        ratio: ‖A x − y‖ over the noise, root mean square in the head; of network and result, the worse.
        worst: the largest smoothed residual beyond cubic interpolation's, over the noise; of the two, the worse.
        worst_ras: where that is, in mm.
        network: the same of the network's own output; None where no network ran.
        result: the same of the result.
        harm: how likely it is that plain interpolation would have been nearer to the truth, 0 to 1; None where nothing tells.
        signs: what that is told from; None where nothing tells.
        outside: see `Circumstances`.
        noise: standard deviation of the scan's noise, in its units.
        noise_percent: the same in percent of the scan's 99.9th percentile.
        tolerance: what the residual was divided by, in the scan's units: the noise, or `FLOOR` if that is more.
        limit: the ratio up to which this scan's results are green.
        limits: the worst place up to which they are green, and amber; of the network's own output where one ran.
        beyond_percent: how much of the head is brighter than anything in the scan.
        smallest: pairs of a spot's size in mm and the contrast in percent of the brightness from which on it would turn the verdict.
        explanation: what the numbers mean and where the thresholds lie.
    """

    color: Color
    agreement: Color
    sentence: str
    condition: str
    ratio: float
    worst: float
    worst_ras: tuple[float, float, float]
    network: Agreement | None
    result: Agreement
    harm: float | None
    signs: Signs | None
    outside: str
    noise: float
    noise_percent: float
    tolerance: float
    limit: float
    limits: tuple[float, float]
    beyond_percent: float = 0.0
    smallest: tuple[tuple[float, float], ...] = field(default=())
    explanation: str = EXPLANATION

    def describe(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)


def judge(
    estimate: Array,
    yardstick: Yardstick,
    scale: float = 1.0,
    *,
    claim: Array | None = None,
    seen: Yardstick | None = None,
    told: Yardstick | None = None,
    circumstances: Circumstances | None = None,
) -> Verdict:
    """How far to trust an estimate.

    Args:
        estimate: (i, j, k) on the yardstick's target, on the models' scale; an array of NumPy's, or a tensor, on whose device all is
            computed.
        yardstick: what it is held against.
        scale: what 1 on the models' scale is in the scan's units.
        claim: the network's own output, before any step towards the scan; None where no network ran.
        seen: the same scan, made as its voxels alone tell, by which harm is told; None for the yardstick itself.
        told: the same scan, made as the network was told, by which its output may agree as well; None for the yardstick itself.
        circumstances: what else is known.
    """
    known = circumstances or Circumstances()
    result = yardstick.agreement(estimate)
    network = None if claim is None else _claimed(claim, (yardstick, told or yardstick), known.limits)
    shown = None if claim is None or yardstick.keeps_matrix else signs(estimate, claim, seen or yardstick)
    harm, step = _harm(shown, yardstick, known)
    limits = yardstick.limits() if network is None else yardstick.limits(known.limits)
    worse = result if network is None else max(result, network, key=lambda each: each.rank)
    alone = worse.worst > yardstick.limits(known.limits if worse is network else WORST)[0]
    agreement = COLORS[max(COLORS.index(worse.color), step, int(bool(known.outside)))]
    qualified = known.assumed or known.unchanged
    return Verdict(
        color="amber" if agreement == "green" and qualified else agreement,
        agreement=agreement,
        sentence=sentence(agreement, Findings(worse, worse is network, alone, harm, step), known),
        condition=known.condition,
        ratio=worse.ratio,
        worst=worse.worst,
        worst_ras=worse.worst_ras,
        network=network,
        result=result,
        harm=harm,
        signs=shown,
        outside=known.outside,
        noise=yardstick.noise * scale,
        noise_percent=round(100 * yardstick.noise, 3),
        tolerance=yardstick.tolerance * scale,
        limit=round(yardstick.limit, 4),
        limits=(round(limits[0], 4), round(limits[1], 4)),
        beyond_percent=round(_beyond(estimate, yardstick.measurement.measured), 3),
        smallest=_smallest(yardstick, limits[0]),
    )


def _harm(shown: Signs | None, yardstick: Yardstick, known: Circumstances) -> tuple[float | None, int]:
    """How likely harm is, and what color that is, as a number."""
    if shown is None or not known.rule or yardstick.scan.array.size < LEARNED:
        return None, 0
    harm = round(probability(shown, known.rule), 3)
    return harm, harmful(harm, known.rule)


def _smallest(yardstick: Yardstick, limit: float) -> tuple[tuple[float, float], ...]:
    """What would turn the verdict; nothing where scan and result do not lie parallel."""
    operator = yardstick.measurement.operator
    if not isinstance(operator, SeparableOperator):
        return ()
    return smallest_spots(yardstick.scan, operator, yardstick.target, limit * yardstick.tolerance)


def _claimed(claim: Array, yardsticks: Sequence[Yardstick], limits: tuple[float, float]) -> Agreement:
    """The best agreement of a network's own output with the scan: networks are told a softer one than was made where that serves better."""
    each = (yardstick.agreement(claim, limits, RIM) for yardstick in dict.fromkeys(yardsticks))
    return min(each, key=lambda agreement: agreement.rank)


def _beyond(estimate: Array, measured: Array) -> float:
    """How much of the head is brighter than anything in the scan, in percent."""
    head = float((estimate > HEAD).sum())
    return 100 * float((estimate > float(measured.max())).sum()) / max(1.0, head)
