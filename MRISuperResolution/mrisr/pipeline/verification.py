"""Any volume against a scan: the verdict without a run."""

from __future__ import annotations

from dataclasses import replace

from ..image.normalization import Normalization
from ..image.volume import Volume
from ..physics.acquisition import Acquisition
from ..physics.observation import Observation
from ..trust.verdict import Verdict, judge
from .assumption import Source
from .planning import plan


def check_result(
    result: Volume, scan: Volume, acquisition: Acquisition | None = None, *, source: Source | None = None
) -> Verdict:
    """How far any volume agrees with a scan.

    Args:
        result: on a grid parallel to the scan's, in the scan's units.
        scan: what was measured.
        acquisition: how the scan was made; None if nobody knows, see `planning.plan`.
        source: where that was known from, if it was not stated.
    """
    planned = plan(scan.grid, result.grid, acquisition)
    planned = replace(planned, source=source) if source else planned
    scale = Normalization.of(scan.array)
    measured = scan.with_array(scale.apply(scan.array))
    return judge(
        scale.apply(result.array),
        Observation(measured, planned.acquisition),
        result.grid,
        scale.scale,
        condition=planned.doubt,
    )
