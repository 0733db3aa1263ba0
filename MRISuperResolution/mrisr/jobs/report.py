"""All that is known about a result, on one page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..image.files import read_volume
from ..image.series import Choice
from ..image.volume import Volume
from ..pipeline.sidecar import check_made_from, record_of
from ..progress import Monitor
from .telling import Tell, nothing


@dataclass(frozen=True)
class Request:
    """What to report on.

    Args:
        scan, result: what was measured, and what was made of it.
        output: the page, `.html`.
        residual, spread, error: maps, where there are such files; the residual is computed otherwise.
        rows: of `evaluation.scores.Row`, as tables.
        provenance: how the result was made; None for the record beside it, empty if nobody knows.
        witness: what another stack says of the result, a sentence; empty if none was asked.
        patient: printed with the scan's name; None to print neither.
        choice: of several series or volumes that the scan's files hold.
    """

    scan: Path
    result: Path
    output: Path
    residual: Path | None = None
    spread: Path | None = None
    error: Path | None = None
    rows: tuple[dict[str, Any], ...] = ()
    provenance: dict[str, Any] | None = None
    witness: str = ""
    patient: str | None = None
    choice: Choice = field(default_factory=Choice)


@dataclass(frozen=True)
class Reply:
    """The page."""

    output: Path


def run(request: Request, monitor: Monitor | None = None, _tell: Tell = nothing) -> Reply:
    """Write the page.

    Raises:
        MrisrError: a file cannot be read, used or written.
    """
    from ..reports.report import Maps, write_report

    monitor = monitor or Monitor()
    monitor.step("reading", 0, 1)
    record = record_of(request.result) if request.provenance is None else request.provenance
    scan = read_volume(request.scan, request.choice)
    check_made_from(record, scan.array, request.scan.name)
    write_report(
        request.output,
        scan,
        read_volume(request.result),
        record,
        maps=Maps(_volume(request.residual), _volume(request.spread), _volume(request.error)),
        rows=request.rows,
        witness=request.witness,
        patient=request.patient,
        name=request.scan.name,
        monitor=monitor,
    )
    return Reply(request.output)


def _volume(path: Path | None) -> Volume | None:
    return read_volume(path) if path else None
