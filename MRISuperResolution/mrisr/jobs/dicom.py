"""A result as a derived DICOM series."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..image.files import read_volume
from ..pipeline.sidecar import read_sidecar
from ..progress import Monitor
from .telling import Tell, nothing


@dataclass(frozen=True)
class Request:
    """What to export.

    Args:
        result: what was made.
        source: the folder of the series that it was made from.
        output: an empty or new folder.
        provenance: how the result was made; None for the record beside it.
    """

    result: Path
    source: Path
    output: Path
    provenance: dict[str, Any] | None = None


@dataclass(frozen=True)
class Reply:
    """The folder, how many files it holds, and what the series is called."""

    output: Path
    files: int
    series_uid: str
    description: str


def run(request: Request, monitor: Monitor | None = None, _tell: Tell = nothing) -> Reply:
    """Write the series.

    Raises:
        MrisrError: a file cannot be read, used or written.
    """
    from ..reports.dicom_export import export_dicom

    monitor = monitor or Monitor()
    monitor.step("reading", 0, 1)
    record = request.provenance or read_sidecar(request.result)
    done = export_dicom(read_volume(request.result), request.source, request.output, record, monitor)
    return Reply(done.folder, done.files, done.series_uid, done.description)
