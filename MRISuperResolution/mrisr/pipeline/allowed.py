"""How a scan may have been made, by what its own voxels show: what results are judged by, whatever was assumed to make them.

A spectrum says how sharp a scan is, up to an error. A width that lies within it is judged by; one that does not is replaced by the
nearest that does, and that is told. A scan can look softer than it was made (the head moved, or anatomy holds nothing so fine), but
hardly sharper, so that a width is allowed to lie further below than above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..physics.acquisition import Acquisition
from .assumption import EQUIVALENT, ERROR, equivalent
from .knowledge import Known
from .planning import Plan
from .planning import plan as planned

ABOVE, BELOW = 2.5, 5.0
"""Standard deviations by which a width may lie above and below the one that was seen. Of 105 simulated scans none of those that were
told rightly lay outside."""

LEARNED = 48**3
"""Voxels of the scans on which the errors of estimates were learned; fewer tell less, as the root of their number."""


@dataclass(frozen=True)
class Allowed:
    """What results are judged by.

    Args:
        acquisition: the one that was used, or the nearest that the scan's voxels allow.
        seen: the one that the voxels alone tell of, and what is usual where they do not.
        outside: where what was used is not among those, a sentence; else empty.
    """

    acquisition: Acquisition
    seen: Acquisition
    outside: str = ""


def allowed_by(plan: Plan, known: Known | None) -> Allowed:
    """What the results of a plan are judged by.

    Args:
        plan: what was used.
        known: what the scan's voxels show; None if nobody has looked.
    """
    made, estimate = plan.acquisition, known.estimate if known else None
    widths, outside, fewer = list(made.width), "", math.sqrt(max(1.0, LEARNED / plan.scan.size))
    first = max(range(3), key=lambda axis: (round(plan.factor[axis], 3), plan.scan.spacing[axis]))
    for axis in sorted(range(3), key=lambda a: a != first):
        name = made.profile[axis]
        if name not in EQUIVALENT or plan.factor[axis] == 1 or estimate is None:
            continue
        shown, error = estimate.width[axis], fewer * (estimate.error[axis] or ERROR)
        used = equivalent(name, made.width[axis])
        if shown is None or shown - BELOW * error <= used <= shown + ABOVE * error:
            continue
        widths[axis] = shown + ABOVE * error if used > shown else max(0.1, shown - BELOW * error)
        outside = outside or _sentence(used, shown, axis, plan)
    changed = [a for a in range(3) if widths[a] != made.width[a]]
    profile = ["gaussian" if a in changed else name for a, name in enumerate(made.profile)]
    judged = replace(
        made,
        profile=(profile[0], profile[1], profile[2]),
        width=(widths[0], widths[1], widths[2]),
    )
    seen = (
        made
        if plan.keeps_matrix
        else planned(plan.scan, plan.target, known=Known(None, estimate)).acquisition
    )
    return Allowed(judged, seen, outside)


def _sentence(used: float, shown: float, axis: int, plan: Plan) -> str:
    """For people: sharper or softer, and than what."""
    how = "sharper" if shown < used else "softer"
    apart = plan.scan.spacing[axis]
    others = [plan.scan.spacing[a] for a in range(3) if a != axis]
    where = " across its slices" if apart > 1.2 * max(others) else ""
    return (
        f"Your scan is {how}{where} than it was taken to be: "
        f"it shows a blur over {shown * apart:.2g} mm, {used * apart:.2g} mm were assumed or stated."
    )
