"""Many scans, one after the other or side by side: what is there already is skipped, and one bad scan does not stop the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from ..cluster.crew import crew_of
from ..cluster.outcome import Failed, attempt
from ..cluster.workers import Share, Workers, gpus_here, share_of
from ..compute.device import check_there
from ..errors import FileError, InputError
from ..image.apart import read_apart
from ..image.files import WRITABLE, find_scans, stem_of, suffix_of, told_apart
from ..image.header import Header
from ..image.series import Choice
from ..models import catalog
from ..models.base import Model
from ..models.card import Card
from ..pipeline.knowledge import Known
from ..pipeline.settings import AUTO, Settings
from ..progress import Monitor
from . import enhancement, upkeep
from .machine import tell_speed
from .telling import Tell, nothing


@dataclass(frozen=True)
class Request:
    """What to enhance.

    Args:
        inputs, outputs: sources and where their results go, as many of each.
        settings: the same for all; the model is loaded once, before the first scan, unless each scan is to get the one proposed for it.
        keep_type: see `enhancement.Request`.
        headers: what is known of how each was made, for inputs whose files do not say it themselves; empty, or as many as inputs.
        overwrite: enhance those, too, whose output is there already.
        choice: of several series or volumes in a DICOM folder, the same for all.
        workers: who does the work; by default this process, one scan after the other.

    Raises:
        InputError: inputs, outputs and headers differ in number.
    """

    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    settings: Settings = field(default_factory=Settings)
    keep_type: bool = False
    headers: tuple[Header | None, ...] = ()
    overwrite: bool = False
    choice: Choice = field(default_factory=Choice)
    workers: Workers = field(default_factory=lambda: Workers(jobs=1))

    def __post_init__(self) -> None:
        if len(self.headers) not in (0, len(self.inputs)):
            raise InputError(
                f"A batch needs as many headers as inputs, or none; got {len(self.headers)} and {len(self.inputs)}."
            )
        if len(self.inputs) != len(self.outputs):
            raise InputError(
                f"A batch needs as many outputs as inputs; got {len(self.outputs)} and {len(self.inputs)}."
            )

    @property
    def model(self) -> str | Path | Card:
        """The model that runs."""
        return self.settings.model


@dataclass(frozen=True)
class Outcome:
    """What became of one scan: `enhanced`, `skipped` (the output was there), or `failed` with the reason."""

    input: Path
    output: Path
    state: Literal["enhanced", "skipped", "failed"]
    message: str = ""


@dataclass(frozen=True)
class Reply:
    """The outcomes, in the order of the request."""

    outcomes: tuple[Outcome, ...]


def run(request: Request, monitor: Monitor | None = None, tell: Tell = nothing) -> Reply:
    """Enhance each source into its output; `tell` hears an event `scan` of each outcome as it comes.

    Raises:
        Cancelled: a stop was asked for; it ends the batch.
        CatalogError: the model cannot be loaded.
        ConfigError: the scheduler that is asked for cannot be used.
        DeviceError: this computer is to do the work and has no such device.
    """
    scans = _scans(request)
    left = [scan for scan in scans if request.overwrite or not scan.output.exists()]
    workers = request.workers
    if left and not workers.remote:  # told once, not of every scan
        check_there(request.settings.device)
    weights = request.settings.model == AUTO or catalog.find(request.settings.model).sha256 is not None
    plain = not workers.scheduler and workers.jobs == 1
    gpus = gpus_here(request.settings.device) if weights and not plain else ()
    share = share_of(workers, len(left), gpus=gpus)
    if plain or not left or (share.count == 0 and not workers.remote):
        return _one_by_one(request, scans, monitor, tell)
    return _side_by_side(request, scans, share, monitor or Monitor(), tell)


def _scans(request: Request) -> list[enhancement.Request]:
    headers = request.headers or (None,) * len(request.inputs)
    return [
        enhancement.Request(
            source,
            output,
            request.settings if header is None else replace(request.settings, known=Known(header)),
            keep_type=request.keep_type,
            choice=request.choice,
        )
        for source, output, header in zip(request.inputs, request.outputs, headers, strict=True)
    ]


def _one_by_one(
    request: Request, scans: Sequence[enhancement.Request], monitor: Monitor | None, tell: Tell
) -> Reply:
    model = None if request.settings.model == AUTO else catalog.load_model(request.settings.model)
    tell_speed(request.settings, tell)
    outcomes = []
    for scan in scans:
        outcome = _one(scan, model, monitor, request.overwrite)
        tell("scan", **asdict(outcome))
        outcomes.append(outcome)
    return Reply(tuple(outcomes))


def _side_by_side(
    request: Request, scans: Sequence[enhancement.Request], share: Share, monitor: Monitor, tell: Tell
) -> Reply:
    there = () if request.overwrite else [n for n, scan in enumerate(scans) if scan.output.exists()]
    outcomes = {n: _there(scans[n]) for n in there}
    for outcome in outcomes.values():
        tell("scan", **asdict(outcome))
    left = [n for n in range(len(scans)) if n not in outcomes]
    with crew_of(request.workers, share, monitor) as crew:
        given = [_anywhere(scans[n]) if request.workers.remote else scans[n] for n in left]
        for number, done in crew.each(enhance_one, given, "scans"):
            scan = scans[left[number]]
            failed = isinstance(done, Failed)
            outcome = Outcome(
                scan.input, scan.output, "failed" if failed else "enhanced", done.message if failed else ""
            )
            tell("scan", **asdict(outcome))
            outcomes[left[number]] = outcome
    return Reply(tuple(outcomes[n] for n in range(len(scans))))


def _anywhere(scan: enhancement.Request) -> enhancement.Request:
    """The same for workers that were begun in other folders."""
    return replace(
        scan, input=scan.input.absolute(), output=scan.output.absolute(), settings=scan.settings.anywhere
    )


def enhance_one(scan: enhancement.Request, monitor: Monitor) -> None:
    """Enhance a scan in a worker, which keeps the model for the next one.

    Raises:
        MrisrError: see `enhancement.run`.
    """
    enhancement.run(scan, monitor, read=read_apart)
    upkeep.tidy_up()


def pairs_in(folder: Path, output: Path, suffix: str = ".nii.gz") -> list[tuple[Path, Path]]:
    """The scans in a folder, each with its place in the folder `output`.

    A kind that cannot be written becomes `suffix`; of scans that differ only in their kind, each keeps it in its name.

    Raises:
        FileError: the two folders are the same.
    """
    if folder.resolve() == output.resolve():
        raise FileError(f"{output} is the input folder; choose another one for the output.")
    sources = find_scans(folder)
    stems = Counter(_stem(source) for source in sources)
    outputs = []
    for source in sources:
        kind = suffix_of(source) if source.is_file() and suffix_of(source) in WRITABLE else suffix
        name = _stem(source) if stems[_stem(source)] == 1 else source.name
        outputs.append(output / (name + kind))
    return list(zip(sources, told_apart(outputs), strict=True))


def _stem(source: Path) -> str:
    return source.name if source.is_dir() else stem_of(source)


def _one(
    request: enhancement.Request, model: Model | None, monitor: Monitor | None, overwrite: bool
) -> Outcome:
    if request.output.exists() and not overwrite:
        return _there(request)
    work = partial(enhancement.run, model=model, read=read_apart)
    done = attempt(work, request, monitor or Monitor())
    if isinstance(done, Failed):
        return Outcome(request.input, request.output, "failed", done.message)
    return Outcome(request.input, request.output, "enhanced")


def _there(request: enhancement.Request) -> Outcome:
    return Outcome(request.input, request.output, "skipped", "the output is there already")
