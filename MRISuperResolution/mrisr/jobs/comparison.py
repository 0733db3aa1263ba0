"""A result against a good scan of the same subject."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..evaluation.reference import compare_with
from ..evaluation.scores import Row
from ..image.files import check_writable, read_volume, write_volume
from ..image.series import Choice
from ..progress import Monitor
from .telling import Tell, nothing


@dataclass(frozen=True)
class Request:
    """What to compare.

    Args:
        result, reference: files or DICOM folders.
        scan: what the result was made from, whose interpolations are scored as well; None to do without.
        error: where result minus reference goes, if anywhere.
        aligned: where the reference on the result's grid goes, if anywhere.
        choice, scan_choice: of several series or volumes that the reference's and the scan's files hold.
    """

    result: Path
    reference: Path
    scan: Path | None = None
    error: Path | None = None
    aligned: Path | None = None
    choice: Choice = field(default_factory=Choice)
    scan_choice: Choice = field(default_factory=Choice)


@dataclass(frozen=True)
class Reply:
    """What was written; the scores, as rows, table and sentence; and how far the reference was moved."""

    error: Path | None
    aligned: Path | None
    rows: tuple[Row, ...]
    table: str
    sentence: str
    rotation_degrees: float
    translation_mm: float


def run(request: Request, monitor: Monitor | None = None, _tell: Tell = nothing) -> Reply:
    """Register the reference to the result, and score the result.

    Raises:
        MrisrError: a file cannot be read, used or written.
    """
    monitor = monitor or Monitor()
    for path in (request.error, request.aligned):
        if path is not None:
            check_writable(path)
    monitor.step("reading", 0, 1)
    scan = read_volume(request.scan, request.scan_choice) if request.scan else None
    reference = read_volume(request.reference, request.choice)
    found = compare_with(read_volume(request.result), reference, scan, monitor=monitor)
    for path, volume in ((request.error, found.error), (request.aligned, found.aligned.volume)):
        if path is not None:
            write_volume(volume, path)
    moved = found.aligned.rotation_degrees, found.aligned.translation_mm
    return Reply(request.error, request.aligned, tuple(found.rows), found.table, found.sentence, *moved)
