"""What to know about a scan before a model is run on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..evaluation.guard_rails import ScanWarning, check_scan, modality_of
from ..image.files import read_volume
from ..image.grid import Target
from ..image.series import Choice
from ..models import catalog
from ..pipeline.knowledge import header_known
from ..pipeline.planning import plan
from ..pipeline.settings import Settings, informed
from ..progress import Monitor
from .telling import Tell, nothing


@dataclass(frozen=True)
class Request:
    """What to look at.

    Args:
        input: a file or a DICOM folder.
        model: that is to be run; None to look at the scan alone.
        target, acquisition: as in `Settings`.
        modality: as DICOM has it; None for what the input's headers say.
        choice: of several series or volumes that the input's files hold.
    """

    input: Path
    model: str | None = None
    target: Target | None = None
    acquisition: str | None = None
    modality: str | None = None
    choice: Choice = field(default_factory=Choice)


@dataclass(frozen=True)
class Reply:
    """What speaks against it, a sentence each; and how the scan is taken to have been made, in a line."""

    warnings: tuple[ScanWarning, ...]
    acquisition: str = ""


def run(request: Request, monitor: Monitor | None = None, _tell: Tell = nothing) -> Reply:
    """Look for what makes a result worth less.

    Raises:
        MrisrError: the scan cannot be read or used, or there is no such model.
    """
    monitor = monitor or Monitor()
    card = catalog.find(request.model) if request.model else None
    monitor.step("reading", 0, 1)
    scan = read_volume(request.input, request.choice)
    monitor.step("checking", 0, 1)
    modality = request.modality or modality_of(request.input, request.choice)
    settings = Settings(
        target=request.target,
        acquisition=request.acquisition,
        known=header_known(request.input, scan, request.choice),
    )
    known = informed(settings, scan).known
    planned = plan(scan.grid, request.target, request.acquisition, card, known)
    found = check_scan(
        scan,
        card,
        target=request.target,
        acquisition=request.acquisition,
        modality=modality,
        known=known,
    )
    monitor.progress("checking", 1, 1)
    return Reply(tuple(found), planned.basis)
