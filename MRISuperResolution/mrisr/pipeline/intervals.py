"""The interval around a result: computed where the run computes, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..image.arrays import Array, on_host
from ..image.metrics import HEAD
from ..image.volume import Volume
from ..models.card import Card
from ..physics.interpolation import interpolate
from ..physics.protocols import PROTOCOLS
from ..trust.interval import TRUSTED, Intervals, trusted

if TYPE_CHECKING:
    from .run import Run

ELSEWHERE = "It was measured on scans that were made otherwise, and may be too narrow here."


def check_measured(card: Card) -> None:
    """Raise `InputError` unless somebody has measured how far the truth lies from a model's results."""
    if not card.intervals:
        raise InputError(
            f"Nobody has measured how far the truth lies from the results of {card.name}; enhance without the interval, choose "
            f"another model, or measure it with `mrisr calibrate-intervals {card.name}`."
        )


def half_width_of(run: Run, estimate: Array) -> Volume | None:
    """Half the interval's width around an estimate, on its grid and in the scan's units; None if it was not asked for."""
    if not run.settings.interval:
        return None
    initial = interpolate(run.measurement.measured, run.scan.grid, run.target, run.model.card.initial)
    measured = Intervals.of(run.model.card.intervals)
    half = measured.half_width(estimate, initial, run.factor, run.noise)
    return run.scan.on(run.target, on_host(half * run.scale.scale))


def described(run: Run, half_width: Volume, result: Volume) -> dict[str, Any]:
    """What is told of an interval, ready for JSON.

    Args:
        run: that made it.
        half_width: in the scan's units.
        result: on the same grid, likewise.

    Returns:
        `level`; `people` and `coverage`, how many were measured and which share of their voxels lay within; `median_percent` in the
        head, of the scan's brightness; `trusted_below`, in the scan's units, and `trusted_share` of the head; `condition`, empty where
        it was measured on such scans; `sentence`.
    """
    entry, scale = run.model.card.intervals, run.scale
    head = scale.apply(result.array) > HEAD
    values = half_width.array[head] / np.float32(scale.scale)
    median = float(np.median(values)) if values.size else 0.0
    share = float(np.mean(trusted(values))) if values.size else 0.0
    condition = ELSEWHERE if _elsewhere(run) else ""
    return {
        "level": entry["level"],
        "people": entry["coverage"]["all"]["people"],
        "coverage": entry["coverage"]["all"]["share"],
        "median_percent": round(100 * median, 2),
        "trusted_below": float(f"{TRUSTED * scale.scale:.4g}"),
        "trusted_share": round(share, 4),
        "condition": condition,
        "sentence": sentence(float(entry["level"]), median, share, condition),
    }


def sentence(level: float, median: float, share: float, condition: str = "") -> str:
    """For people.

    Args:
        level: share of voxels that the interval is to hold.
        median: half-width in the head, as a fraction of the brightness.
        share: part of the head that is trusted.
        condition: a sentence, where the scan is not like those measured.

    Example:
        >>> sentence(0.9, 0.04, 0.8)[72:]
        'at most 4.0 % of the brightness in half of the head, at most 10 % in 80 % of it.'
    """
    text = (
        f"In {10 * level:.2g} of 10 voxels of scans like yours the truth lay within ± this much: at most {100 * median:.1f} % of the "
        f"brightness in half of the head, at most {100 * TRUSTED:.0f} % in {100 * share:.0f} % of it."
    )
    return f"{text} {condition}".strip()


def _elsewhere(run: Run) -> bool:
    """Whether a run is not like those that were measured."""
    measured = [
        PROTOCOLS[name]
        for label in run.model.card.intervals.get("protocols", {})
        if (name := label.partition(",")[0]) in PROTOCOLS
    ]
    kept = any(each.same_matrix == run.plan.keeps_matrix for each in measured)
    usual = run.settings.detail == 1 and run.settings.consistency in (None, run.model.card.consistency)
    return bool(run.warning) or not (kept and usual)
