"""What the GUI's child process can do beside enhancing: each task takes a job and gives the fields of its `finished` event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..image.files import check_writable, read_volume, stem_of, write_volume
from ..models import catalog
from ..pipeline.sidecar import read_sidecar
from ..progress import Monitor
from .job import Job

Emit = Callable[..., None]
"""Called with an event's name and, by keyword, its fields."""


def run_task(job: Job, monitor: Monitor, emit: Emit) -> dict[str, Any]:
    """Do a job of one of `TASKS`.

    Args:
        job: what to do; see `worker` for the keys of each task.
        monitor: told of progress, asked for cancellation.
        emit: writes an event that comes before the last.

    Returns:
        The fields of the `finished` event.
    """
    return TASKS[job.task](job, monitor, emit)


def _check(job: Job, monitor: Monitor, _emit: Emit) -> dict[str, Any]:
    from ..evaluation.guard_rails import check_scan, modality_of

    monitor.step("reading", 0, 1)
    scan, settings = read_volume(job.inputs[0]), job.settings
    monitor.step("checking", 0, 1)
    modality = job.data.get("modality") or modality_of(job.inputs[0])
    card = catalog.find(settings.model)
    found = check_scan(scan, card, target=settings.target, acquisition=settings.acquisition, modality=modality)
    monitor.progress("checking", 1, 1)
    return {"warnings": [asdict(warning) for warning in found]}


def _own(job: Job, monitor: Monitor, emit: Emit) -> dict[str, Any]:
    from ..evaluation.trial import try_on

    monitor.step("reading", 0, 1)
    scan = read_volume(job.inputs[0])
    trial = try_on(
        scan,
        job.data.get("models"),
        job.settings,
        name=stem_of(job.inputs[0]),
        monitor=monitor,
        report=lambda row: emit("row", row=asdict(row)),
    )
    return {"rows": [asdict(row) for row in trial.rows], "best": trial.best, "sentence": trial.sentence, "table": trial.table}


def _compare(job: Job, monitor: Monitor, _emit: Emit) -> dict[str, Any]:
    from ..evaluation.reference import compare_with

    places = {"output": job.outputs[0] if job.outputs else None, "aligned": _path(job, "aligned")}
    for path in places.values():
        if path is not None:
            check_writable(path)
    monitor.step("reading", 0, 1)
    scan = _path(job, "scan")
    result, reference = read_volume(job.inputs[0]), read_volume(_needed(job, "reference"))
    found = compare_with(result, reference, read_volume(scan) if scan else None, monitor=monitor)
    volumes = {"output": found.error, "aligned": found.aligned.volume}
    for key, path in places.items():
        if path is not None:
            write_volume(volumes[key], path)
    return {
        **{key: str(path) if path else None for key, path in places.items()},
        "rows": [asdict(row) for row in found.rows],
        "table": found.table,
        "sentence": found.sentence,
        "rotation_degrees": found.aligned.rotation_degrees,
        "translation_mm": found.aligned.translation_mm,
    }


def _report(job: Job, monitor: Monitor, _emit: Emit) -> dict[str, Any]:
    from ..reports.report import Maps, write_report

    monitor.step("reading", 0, 1)
    result = _needed(job, "result")
    maps = Maps(*(read_volume(path) if path else None for path in (job.residual, job.spread, _path(job, "error"))))
    write_report(
        job.outputs[0],
        read_volume(job.inputs[0]),
        read_volume(result),
        job.data.get("provenance") or read_sidecar(result),
        maps=maps,
        rows=job.data.get("rows") or (),
        patient=job.data.get("patient"),
        name=job.inputs[0].name,
        monitor=monitor,
    )
    return {"output": str(job.outputs[0])}


def _dicom(job: Job, monitor: Monitor, _emit: Emit) -> dict[str, Any]:
    from ..reports.dicom_export import export_dicom

    monitor.step("reading", 0, 1)
    record = job.data.get("provenance") or read_sidecar(job.inputs[0])
    done = export_dicom(read_volume(job.inputs[0]), _needed(job, "source"), job.outputs[0], record, monitor)
    return {"output": str(done.folder), "files": done.files, "series_uid": done.series_uid, "description": done.description}


def _path(job: Job, key: str) -> Path | None:
    return Path(job.data[key]) if job.data.get(key) else None


def _needed(job: Job, key: str) -> Path:
    path = _path(job, key)
    if path is None:
        raise InputError(f"The job {job.task} needs the key {key!r}.")
    return path


TASKS: dict[str, Callable[[Job, Monitor, Emit], dict[str, Any]]] = {
    "check": _check,
    "own": _own,
    "compare": _compare,
    "report": _report,
    "dicom": _dicom,
}
