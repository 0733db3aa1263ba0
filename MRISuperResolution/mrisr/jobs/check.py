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
from ..pipeline.proposal import propose_for
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
        device: where a model would run, of which it depends which one is recommended; None to recommend none.
    """

    input: Path
    model: str | Path | None = None
    target: Target | None = None
    acquisition: str | None = None
    modality: str | None = None
    choice: Choice = field(default_factory=Choice)
    device: str | None = None


@dataclass(frozen=True)
class Suited:
    """A model that suits the scan, with what `proposal.Candidate` says of it."""

    model: str
    gain: float | None
    protocol: str
    seconds: float | None


@dataclass(frozen=True)
class Reply:
    """What is known of the scan before a model runs on it.

    Args:
        warnings: what speaks against it, a sentence each.
        acquisition: how the scan is taken to have been made, in a line.
        model, reason: that is recommended, and why; empty unless that was asked for.
        suited: the models that suit the scan, best first.
    """

    warnings: tuple[ScanWarning, ...]
    acquisition: str = ""
    model: str = ""
    reason: str = ""
    suited: tuple[Suited, ...] = ()


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
    proposal = None if request.device is None else propose_for(scan, planned, request.device)
    monitor.progress("checking", 1, 1)
    if proposal is None:
        return Reply(tuple(found), planned.basis)
    suited = tuple(Suited(c.card.name, c.gain, c.protocol, c.seconds) for c in proposal.candidates)
    return Reply(tuple(found), planned.basis, proposal.model, proposal.reason, suited)
