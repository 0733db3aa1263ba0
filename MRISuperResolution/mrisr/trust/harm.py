"""Whether plain interpolation would have been nearer to the truth: a probability, from what a result adds to it.

Nothing but the scan is known, yet runs that do harm look different: they add more than the scan lacks, make steeper edges, and
say other things of the scan than it shows. A logistic rule of a few such signs, each of which can only make harm likelier, was fitted on
simulated scans whose truth is known and whose acquisition was told rightly, wrongly or not at all. How well it tells harm on scans of
other people stands beside its coefficients in the models' cards; `mrisr calibrate-verdict` makes both again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..image.arrays import Array, namespace, rms_in
from ..image.grid import FACTOR_TOLERANCE
from ..image.metrics import HEAD
from .yardstick import Yardstick

UNLIKELY, LIKELY = 0.2, 0.5
"""Probabilities from which on a result is amber and red, where its model's rule does not set its own."""

LEARNED = 62_000
"""Voxels of the smallest scans that the rules were learned from, boxes of heads; they say nothing of smaller ones."""

LEAST = 1e-4
"""What is less than this fraction of the brightness counts as this much: ratios of nothing say nothing."""


@dataclass(frozen=True)
class Signs:
    """What tells harm, as natural logarithms; the more, the likelier.

    Args:
        added: what the result adds to cubic interpolation over what the scan says that lacks and its noise, root mean square in the head.
        claimed: what the network's own output leaves of the scan, over what cubic interpolation does.
        noise: the scan's noise over the same.
        steep: the slopes of the result along the axes that are refined over those of cubic interpolation, root mean square in the head.
    """

    added: float
    claimed: float
    noise: float
    steep: float


def signs(result: Array, claim: Array, yardstick: Yardstick) -> Signs:
    """What a result shows of harm.

    Args:
        result: (i, j, k) on the yardstick's target grid, on the models' scale.
        claim: the network's own output, before steps towards the scan.
        yardstick: the scan, as it is judged.
    """
    head = namespace(result).asarray(yardstick.plain > HEAD, dtype=result.dtype)
    lacking = max(yardstick.lacking, LEAST)
    rest = yardstick.measurement.rms(yardstick.residual(claim))
    return Signs(
        added=_ln(rms_in(result - yardstick.plain, head) / math.hypot(lacking, yardstick.noise)),
        claimed=_ln(rest / lacking),
        noise=_ln(yardstick.noise / lacking),
        steep=_ln(
            _steepness(result, yardstick, head) / max(_steepness(yardstick.plain, yardstick, head), LEAST)
        ),
    )


def probability(found: Signs, rule: Mapping[str, float]) -> float:
    """How likely it is that cubic interpolation would have been nearer, 0 to 1.

    Args:
        found: what a result shows.
        rule: `intercept` and a coefficient, 0 or more, for each of the signs it looks at.

    Example:
        >>> probability(Signs(0.0, 0.0, 0.0, 0.0), {"intercept": 0.0})
        0.5
    """
    weighed = sum(rule.get(name, 0.0) * value for name, value in asdict(found).items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, rule["intercept"] + weighed))))


def harmful(harm: float, rule: Mapping[str, float]) -> int:
    """The color of a probability by its model's rule, as a number: 0 green, 1 amber, 2 red."""
    return int(harm > rule.get("amber", UNLIKELY)) + int(harm > rule.get("red", LIKELY))


def _steepness(volume: Array, yardstick: Yardstick, head: Array) -> float:
    """Differences between neighbors along the axes that are refined, root mean square in the head."""
    squares, xp = 0.0, namespace(volume)
    for axis, factor in enumerate(yardstick.scan.grid.factor_to(yardstick.target)):
        if factor > 1 + FACTOR_TOLERANCE:
            lines, inside = xp.moveaxis(volume, axis, 0), xp.moveaxis(head, axis, 0)
            squares += rms_in(lines[1:] - lines[:-1], inside[1:]) ** 2
    return math.sqrt(squares)


def _ln(ratio: float) -> float:
    return math.log(max(ratio, 1e-3))
