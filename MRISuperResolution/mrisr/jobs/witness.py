"""What another stack of the same subject says of a result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import InputError
from ..fusion.suitability import Scan, check_same_subject
from ..fusion.witnessing import witness
from ..image.files import check_writable, read_volume, write_volume
from ..image.series import Choice
from ..pipeline.knowledge import Known, header_known
from ..pipeline.sidecar import check_made_from, read_sidecar
from ..progress import Monitor
from ..trust.testimony import Testimony
from .fusion import Rows, subject_of
from .telling import Tell, nothing


@dataclass(frozen=True)
class Request:
    """What to ask whom.

    Args:
        result: what was made of the scan, a file.
        scan: what was enhanced, a file or DICOM folder.
        stack: another scan of the same subject in another direction, a file or DICOM folder.
        map: where the agreement on the result's grid goes, if anywhere; see `trust.witness_map.Confirmation.map`.
        acquisition: how the stack was made; None for what its headers say or its voxels show.
        known: what is known of that; read from its headers if None.
        name: of the stack, for people; its file's if empty.
        subjects: who scan and stack are of; read from their headers or names if empty.
        device: see `compute.device.resolve`.
        choice: of several series or volumes that the scan's files hold.
    """

    result: Path
    scan: Path
    stack: Path
    map: Path | None = None
    acquisition: str | None = None
    known: Known | None = None
    name: str = ""
    subjects: tuple[str, ...] = ()
    device: str = "auto"
    choice: Choice = field(default_factory=Choice)


@dataclass(frozen=True)
class Reply:
    """The map, if it was asked for; the testimony; where the stack lies and how far that is from where its header says."""

    map: Path | None
    testimony: Testimony
    transform: Rows
    degrees: float
    mm: float
    basis: str


def run(request: Request, monitor: Monitor | None = None, _tell: Tell = nothing) -> Reply:
    """Read all three, place the stack, and ask it.

    Raises:
        MrisrError: a file cannot be read, used or written, or the three do not go together.
    """
    monitor = monitor or Monitor()
    if request.map is not None:
        check_writable(request.map)
        if request.map.resolve() in {p.resolve() for p in (request.result, request.scan, request.stack)}:
            raise InputError(
                f"{request.map} is one of the volumes to compare; choose another name for the map."
            )
    monitor.step("reading", 0, 1)
    scan = read_volume(request.scan, request.choice)
    check_made_from(read_sidecar(request.result), scan.array, request.scan.name)
    subjects = request.subjects or (subject_of(request.scan), subject_of(request.stack))
    one = Scan(request.scan.name, scan, subjects[0])
    other = Scan(request.name or request.stack.name, read_volume(request.stack), subjects[-1])
    check_same_subject([one, other])
    known = request.known or header_known(request.stack, other.volume)
    found = witness(
        read_volume(request.result),
        scan,
        other,
        acquisition=request.acquisition,
        known=known,
        device=request.device,
        monitor=monitor,
    )
    if request.map is not None:
        write_volume(replace(found.map, forms=None), request.map)
    rows = tuple(map(tuple, found.transform.tolist()))
    return Reply(request.map, found.testimony, rows, found.degrees, found.mm, found.basis)
