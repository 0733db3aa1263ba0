"""The one road: a scan goes in, an enhanced volume comes out.

    Volume → target grid → initial estimate (interpolation) → normalize → model, tile by tile → blend
           → data consistency → de-normalize → Volume (+ residual, spread, interval) + provenance, verdict included

Interpolation and normalization commute (every row of the interpolation sums to 1), so that normalizing first saves a pass.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from ..image.padding import prepared
from ..image.volume import Volume, check_volume
from ..models import catalog
from ..models.base import Model
from ..progress import Monitor
from . import provenance
from .intervals import check_measured, described
from .planning import plan
from .proposal import propose_for
from .region import box_in, cut, with_margin
from .run import Run
from .settings import AUTO, Settings, informed


@dataclass(frozen=True, eq=False)
class Result:
    """What comes out.

    Args:
        volume: the enhanced scan, float32 in the scan's units.
        residual: Ax − y on the scan's grid and in its units, if asked for.
        provenance: what made it, ready for JSON; under `trust`, how far it agrees with the scan (see `trust.verdict.Verdict`).
        spread: standard deviation of the samples, on the result's grid and in the scan's units, if there were several.
        interval: half the width of the interval that holds the truth in 9 of 10 voxels of scans like this one, on the result's grid and
            in the scan's units, if asked for; `provenance` tells of it under `interval`.
    """

    volume: Volume
    residual: Volume | None
    provenance: dict[str, Any]
    spread: Volume | None = None
    interval: Volume | None = None


def enhance(
    volume: Volume,
    settings: Settings | None = None,
    *,
    monitor: Monitor | None = None,
    model: Model | None = None,
) -> Result:
    """Enhance a scan.

    Args:
        volume: the scan; it is not changed.
        settings: how; the defaults interpolate.
        monitor: told of progress, asked for cancellation.
        model: the model already loaded, to spare loading it again; it must be the one the settings name.

    Raises:
        MrisrError: the scan or a setting cannot be used, memory is too small, or a stop was asked for.
    """
    settings, monitor = settings or Settings(), monitor or Monitor()
    started = time.perf_counter()
    volume = prepared(volume)
    check_volume(volume)
    for note in volume.notes:
        monitor.log(note)
    if settings.region is not None:
        settings = replace(settings, region=box_in(volume, settings.region))
    settings, reason = chosen(volume, settings, monitor)
    model = model or catalog.load_model(settings.model)
    if settings.interval:
        check_measured(model.card)
    scan = with_margin(volume, settings.region)
    run = Run(scan, volume, model, settings, monitor)
    outcome = run.outcome()
    result, spread, interval = outcome.volume, outcome.spread, outcome.interval
    if settings.region is not None:
        wanted = volume.grid.cropped(*box_in(volume, settings.region))
        result, spread = cut(result, wanted), spread and cut(spread, wanted)
        interval = interval and cut(interval, wanted)
    record = provenance.describe(model.card, run.describe(volume), run.compute, time.perf_counter() - started)
    record["trust"] = outcome.verdict.describe()
    if interval is not None:
        record["interval"] = described(run, interval, result)
    if reason:
        record["model_reason"] = reason
    if volume.notes:
        record["scan_notes"] = list(volume.notes)
    return Result(result, outcome.residual, record, spread, interval)


def chosen(volume: Volume, settings: Settings, monitor: Monitor) -> tuple[Settings, str]:
    """The settings with what the scan tells and a model's name in the place of `auto`, and why it was chosen; the monitor is told."""
    settings = informed(settings, volume)
    if settings.model != AUTO:
        return settings, ""
    scan = volume if settings.region is None else volume.cropped(*box_in(volume, settings.region))
    planned = plan(scan.grid, settings.target, settings.acquisition, known=settings.known)
    proposal = propose_for(scan, planned, settings.device)
    monitor.log(proposal.reason)
    return replace(settings, model=proposal.model), proposal.reason
