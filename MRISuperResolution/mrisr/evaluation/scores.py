"""Models against references: degrade a scan by a protocol, restore it with each model, compare with the scan itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ..compute.device import resolve
from ..compute.memory import PeakMemory
from ..image.metrics import score
from ..image.volume import Volume
from ..models import catalog
from ..models.base import Model
from ..physics.acquisition import Acquisition
from ..physics.protocols import Protocol, prepare_reference, protocol_named
from ..pipeline.enhancement import Result, enhance
from ..pipeline.settings import Settings, informed
from ..progress import Monitor

BASELINES = ("linear", "cubic", "lanczos", "back-projection")

DEFAULT, TOLD = "default", "told"
"""Nobody says how a scan was made, and the product does what it does by itself; or the protocol's own acquisition is stated."""

HEADS = [
    *("protocol", "acquisition", "model", "scans", "PSNR head (dB)", "gain over cubic (dB)", "SSIM head"),
    *("PSNR (dB)", "SSIM", "NRMSE", "s/Mvoxel"),
]
"""What stands above the columns of a table."""


@dataclass(frozen=True)
class Row:
    """One scan, degraded by one protocol and restored by one model.

    Args:
        psnr, psnr_mask: dB, peak 1, over the field and in the head.
        ssim, ssim_mask, nrmse: without unit.
        seconds: of the whole road.
        megavoxels: of the result.
        peak_memory_mb: what the run added to the process, or allocated on the GPU; None if it was not measured.
        feature_distance: see `losses.distance.FeatureDistance`; None if it was not asked for.
        precision: that the network ran in.
        acquisition: what the models knew of how the scan was made: `default`, `told`, or a statement; empty where nothing was to be known.
    """

    scan: str
    protocol: str
    model: str
    psnr: float
    psnr_mask: float
    ssim: float
    ssim_mask: float
    nrmse: float
    seconds: float
    megavoxels: float
    peak_memory_mb: float | None
    device: str
    feature_distance: float | None = None
    precision: str = ""
    acquisition: str = ""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The volumes of one scan and protocol, for looking at.

    Args:
        reference, degraded: the reference on [0, 1], and the scan made from it.
        restored: by each model, on the reference's grid.
        rows: their scores.
    """

    reference: Volume
    degraded: Volume
    restored: dict[str, Volume]
    rows: list[Row]


def evaluate(
    scans: Iterable[tuple[str, Volume]],
    protocols: Sequence[str],
    models: Sequence[str],
    settings: Settings | None = None,
    monitor: Monitor | None = None,
    *,
    acquisition: str = DEFAULT,
) -> list[Row]:
    """Score models on scans.

    Args:
        scans: names and volumes; read one at a time.
        protocols: names, see `protocols.PROTOCOLS`.
        models: names; `BASELINES` are always scored beside them, in the same run.
        settings: device, precision, tile, consistency and seed for every run; model and target are set here.
        monitor: told which run is being made, asked for cancellation.
        acquisition: see `compare`.

    Returns:
        One row for each scan, protocol and model.
    """
    rows: list[Row] = []
    loaded = load_all(models)
    for name, volume in scans:
        for protocol in protocols:
            rows += compare(
                name,
                volume,
                protocol_named(protocol),
                loaded,
                settings=settings,
                monitor=monitor,
                acquisition=acquisition,
            ).rows
    return rows


def load_all(models: Sequence[str | Path]) -> dict[str, Model]:
    """The named models and the baselines by their names, loaded once; baselines first."""
    loaded = [catalog.load_model(name) for name in dict.fromkeys([*BASELINES, *models])]
    return {model.card.name: model for model in loaded}


def compare(
    name: str,
    volume: Volume,
    protocol: Protocol,
    models: dict[str, Model],
    *,
    settings: Settings | None = None,
    monitor: Monitor | None = None,
    acquisition: str = DEFAULT,
) -> Comparison:
    """Degrade one scan and restore it with every model; the volumes and their scores.

    Args:
        name: of the scan.
        volume: the reference.
        protocol: how it is degraded.
        models: by name, loaded.
        settings: device, precision, tile, consistency and seed for every run.
        monitor: told which run is being made, asked for cancellation.
        acquisition: what is stated of how the degraded scan was made: nothing (`default`), the protocol's own acquisition (`told`), or
            something else, as in `Settings`.
    """
    settings, monitor = settings or Settings(), monitor or Monitor()
    reference = prepare_reference(volume)
    degraded = protocol.simulate(reference, seed=settings.seed)
    stated: Acquisition | str | None = acquisition
    if acquisition in (DEFAULT, TOLD):
        own = protocol.acquisition(protocol.affected(reference.orientation))
        stated = own if acquisition == TOLD else None
    labels = (name, protocol.name, acquisition)
    return restore_all(labels, reference, degraded, stated, models, settings=settings, monitor=monitor)


def restore_all(
    labels: tuple[str, str, str],
    reference: Volume,
    degraded: Volume,
    acquisition: Acquisition | str | None,
    models: dict[str, Model],
    *,
    settings: Settings,
    monitor: Monitor,
    report: Callable[[Row], None] = lambda _row: None,
) -> Comparison:
    """Restore one degraded scan with every model and score the results.

    Args:
        labels: what the rows call the scan, the way it was degraded, and what was known of that.
        reference: on [0, 1].
        degraded: the scan that was made of it.
        acquisition: what is stated of that, as in `Settings`.
        models: by name, loaded.
        settings: device, precision, tile, consistency and seed for every run.
        monitor: told which run is being made, asked for cancellation.
        report: told of each row as it comes.
    """
    restored: dict[str, Volume] = {}
    rows = []
    if acquisition is None:  # looked at once for all models
        settings = informed(settings, degraded)
    for done, (model_name, model) in enumerate(models.items()):
        monitor.step(f"{labels[0]}, {labels[1]}, {model_name}", done, len(models))
        asked = _for_model(settings, model_name, reference, acquisition)
        result, seconds, megabytes = _measured(degraded, asked, model, monitor)
        restored[model_name] = result.volume
        rows.append(
            Row(
                scan=labels[0],
                protocol=labels[1],
                model=model_name,
                **asdict(score(reference.array, result.volume.array)),
                seconds=seconds,
                megavoxels=result.volume.array.size / 1e6,
                peak_memory_mb=megabytes,
                device=result.provenance["device"],
                precision=result.provenance["precision"],
                acquisition=labels[2],
            )
        )
        report(rows[-1])
    return Comparison(reference, degraded, restored, rows)


def markdown_table(rows: Sequence[Row]) -> str:
    """Mean ± standard deviation over the scans, a line for each protocol, acquisition and model; gains are over `cubic` scan by scan."""
    featured = all(r.feature_distance is not None for r in rows)
    heads = [*HEADS, "feature distance"] if featured else HEADS
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    cubic = {(r.scan, r.protocol, r.acquisition): r.psnr_mask for r in rows if r.model == "cubic"}
    for made, model in dict.fromkeys(((r.protocol, r.acquisition), r.model) for r in rows):
        group = [r for r in rows if ((r.protocol, r.acquisition), r.model) == (made, model)]
        gains = [r.psnr_mask - cubic[r.scan, *made] for r in group if (r.scan, *made) in cubic]
        cells = [
            *made,
            model,
            str(len(group)),
            _mean_sd([r.psnr_mask for r in group], 2),
            _mean_sd(gains, 2) if gains else "",
            _mean_sd([r.ssim_mask for r in group], 4),
            _mean_sd([r.psnr for r in group], 2),
            _mean_sd([r.ssim for r in group], 4),
            _mean_sd([r.nrmse for r in group], 4),
            f"{np.mean([r.seconds / r.megavoxels for r in group]):.3f}",
        ]
        if featured:
            cells.append(_mean_sd([r.feature_distance for r in group if r.feature_distance is not None], 4))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _for_model(
    settings: Settings, model: str, reference: Volume, acquisition: Acquisition | str | None
) -> Settings:
    return replace(settings, model=model, target=reference.grid, acquisition=acquisition)


def _measured(
    scan: Volume, settings: Settings, model: Model, monitor: Monitor
) -> tuple[Result, float, float | None]:
    """The result, the seconds and the megabytes (None where they are unknown) of one run."""
    silent = Monitor(cancel=monitor.cancel, log=monitor.log)
    device = "cpu" if model.card.sha256 is None else resolve(settings.device, settings.precision).device
    with PeakMemory(device) as memory:
        started = time.perf_counter()
        result = enhance(scan, settings, monitor=silent, model=model)
        seconds = time.perf_counter() - started
    return result, seconds, memory.megabytes


def _mean_sd(values: Sequence[float], digits: int) -> str:
    if not all(math.isfinite(v) for v in values):
        return "identical" if any(math.isinf(v) for v in values) else "n/a"
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"
