"""Any volume against a scan: the verdict without a run."""

from __future__ import annotations

from dataclasses import replace

from ..image.noise import estimate_noise
from ..image.normalization import Normalization
from ..image.volume import Volume
from ..physics.acquisition import Acquisition
from ..physics.observation import Observation
from ..trust.circumstances import Circumstances
from ..trust.verdict import Verdict, judge
from ..trust.yardstick import Yardstick
from .allowed import allowed_by
from .assumption import Source
from .knowledge import known_of
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
    known = known_of(scan)
    planned = plan(scan.grid, result.grid, acquisition, known=known)
    planned = replace(planned, source=source) if source else planned
    judged, scale = allowed_by(planned, known), Normalization.of(scan.array)
    measured = scan.with_array(scale.apply(scan.array))
    noise = estimate_noise(measured.array, scan.spacing, judged.acquisition.kspace)
    measurement = Observation(measured, judged.acquisition).of(result.grid)
    return judge(
        scale.apply(result.array),
        Yardstick(measured, measurement, result.grid, noise),
        scale.scale,
        circumstances=Circumstances(planned.doubt, planned.source == "assumed", judged.outside),
    )
