"""Several scans of one subject into one volume: read, fuse, write; all that is asked for gets its name at the end, or nothing does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import FileError
from ..fusion.fuse_scans import fuse
from ..fusion.record import Fused
from ..fusion.settings import FusionSettings
from ..fusion.suitability import Scan
from ..image.files import read_volume, stem_of, write_beside
from ..image.replacement import Replacement
from ..image.series import Choice, is_series, series_of
from ..image.volume import Volume
from ..pipeline.knowledge import Known, header_known
from ..pipeline.sidecar import write_record
from ..progress import Monitor
from .enhancement import check_outputs
from .telling import Tell, nothing

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Request:
    """What to fuse.

    Args:
        inputs: two or more files or DICOM folders.
        output: where the result goes; its record lies beside it (`.json`).
        settings: how.
        coverage: where the number of scans that see each voxel goes, if anywhere.
        spread: where the standard deviation of the results without each scan in turn goes, if anywhere.
        names: of the scans, for people; those of the files if there are none.
        known: what is known of how each scan was made; read from its headers if nothing.
        subjects: who each scan is of; read from its headers or its name if nothing.
        choices: of several series or volumes that each input's files hold; of all the only one if nothing.
    """

    inputs: tuple[Path, ...]
    output: Path
    settings: FusionSettings = field(default_factory=FusionSettings)
    coverage: Path | None = None
    spread: Path | None = None
    names: tuple[str, ...] = ()
    known: tuple[Known, ...] = ()
    subjects: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What was written, where each scan lies (see `resampling.Transform`, row by row), and the record."""

    output: Path
    coverage: Path | None
    spread: Path | None
    shape: tuple[int, ...]
    transforms: tuple[Rows, ...]
    provenance: dict[str, Any]


def run(
    request: Request,
    monitor: Monitor | None = None,
    _tell: Tell = nothing,
    *,
    told: Mapping[str, Any] | None = None,
) -> Reply:
    """Read scans, fuse them, and write the result with its record beside it.

    Args:
        request: what, and how.
        monitor: told of progress, asked for cancellation.
        told: what the record says besides.

    Raises:
        MrisrError: a scan cannot be read or used, they do not go together, or an output cannot be written; then none is left behind.
    """
    monitor = monitor or Monitor()
    for source in request.inputs:
        check_outputs(source, request.output, request.coverage, request.spread)
    monitor.step("reading", 0, 1)
    inputs = _chosen(request)
    volumes = [read_volume(path, choice) for path, choice in inputs]
    names = request.names or tuple(path.name for path in request.inputs)
    subjects = request.subjects or tuple(subject_of(path, choice) for path, choice in inputs)
    scans = [Scan(*each) for each in zip(names, volumes, subjects, strict=True)]
    fused = fuse(scans, _settings(request), _known(request, volumes), monitor)
    fused.provenance.update(told or {})
    monitor.step("writing", 0, 1)
    _write(request, fused, monitor)
    monitor.progress("writing", 1, 1)
    transforms = tuple(tuple(map(tuple, each.tolist())) for each in fused.transforms)
    spread = request.spread if fused.spread is not None else None
    return Reply(request.output, request.coverage, spread, fused.volume.shape, transforms, fused.provenance)


def subject_of(path: Path, choice: Choice | None = None) -> str:
    """Who a scan is of: the patient's ID of a DICOM series, the `sub-…` of a BIDS name; empty where neither says."""
    if is_series(path):
        return series_of(path, choice.series if choice else "").value("PatientID")
    found = re.match(r"(sub-[A-Za-z0-9]+)(?=[_.])", stem_of(path) + ".")
    return found.group(1) if found else ""


def _settings(request: Request) -> FusionSettings:
    wanted = request.settings.leave_one_out or request.spread is not None
    return replace(request.settings, leave_one_out=wanted)


def _known(request: Request, volumes: list[Volume]) -> list[Known]:
    if not request.known:
        return [
            header_known(path, volume, choice)
            for (path, choice), volume in zip(_chosen(request), volumes, strict=True)
        ]
    if len(request.known) != len(request.inputs):
        raise FileError("What is known must be given of each scan or of none.")
    return list(request.known)


def _chosen(request: Request) -> list[tuple[Path, Choice]]:
    """The inputs, each with what is meant of it."""
    choices = request.choices or (Choice(),) * len(request.inputs)
    if len(choices) != len(request.inputs):
        raise FileError("Choices must be given of each scan or of none.")
    return list(zip(request.inputs, choices, strict=True))


def _write(request: Request, fused: Fused, monitor: Monitor) -> None:
    # All are written before any gets its name, the result last: a run that is killed leaves nothing that looks finished.
    with Replacement() as files:
        partial = write_beside(fused.volume, request.output, files)
        write_record(request.output, fused.provenance, partial, files)
        for volume, path in ((fused.coverage, request.coverage), (fused.spread, request.spread)):
            if path is not None and volume is not None:
                write_beside(volume, path, files)
        monitor.cancel.check()
