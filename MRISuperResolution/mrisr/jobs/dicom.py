"""A result as a derived DICOM series."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..image.files import read_volume
from ..image.series import Choice
from ..pipeline.sidecar import record_of
from ..progress import Monitor
from .telling import Tell, nothing


@dataclass(frozen=True)
class Request:
    """What to export.

    Args:
        result: what was made.
        source: the series that it was made from: its folder, one of its files, or all of them.
        output: an empty or new folder.
        provenance: how the result was made; None for the record beside it.
        choice: of several series or volumes in `source`.
    """

    result: Path
    source: Path | tuple[Path, ...]
    output: Path
    provenance: dict[str, Any] | None = None
    choice: Choice = field(default_factory=Choice)


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
    record = record_of(request.result) if request.provenance is None else request.provenance
    if "model" not in record:
        raise InputError(
            f"{request.result.name} is no result of a model, as far as is known; name what was enhanced."
        )
    result = read_volume(request.result)
    done = export_dicom(result, request.source, request.output, record, monitor, choice=request.choice)
    return Reply(done.folder, done.files, done.series_uid, done.description)
