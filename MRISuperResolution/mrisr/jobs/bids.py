"""The scans of a BIDS data set, enhanced into a data set of derivatives: the participant level of a BIDS app."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..bids.choices import Choice, Choices
from ..bids.derivative import check_folders, prepare, result_place, told_of
from ..bids.selection import SUFFIXES, Selection, read_filter
from ..bids.states import ScanState, States
from ..cluster.crew import Crew, crew_of
from ..cluster.outcome import Failed
from ..cluster.workers import USUAL, Workers, gpus_here, need_of, share_of
from ..compute.device import check_there
from ..fusion.settings import FusionSettings
from ..image.grid import Target
from ..models import catalog
from ..models.card import Card
from ..pipeline.proposal import FALLBACK
from ..pipeline.settings import AUTO, Settings
from ..progress import Monitor
from .bids_plan import Scan, Stacks, asked_of, look_through, size_of, wish_of
from .telling import Tell, nothing

ASKED_FIRST = 10
"""Of the scans that are to get the same model so many are looked at, if some of them cannot be read."""


@dataclass(frozen=True)
class Request:
    """What to enhance.

    Args:
        source: root of the data set; nothing is written there but in its folder `derivatives`.
        output: root of the data set of results.
        participants, sessions: labels, with or without `sub-` and `ses-`; none for all.
        suffixes: contrasts.
        filter: a file with queries, see `selection.Selection`.
        settings: for all scans; the model `auto` is decided once for each contrast and voxel size.
        per_scan: decide it for each scan.
        fuse: make one volume of the stacks of a session, instead of one of each.
        residual: write what each result, scanned again, differs by from its scan, too.
        reports: write a page on each result.
        overwrite: make what is there already anew.
        retry: try what failed before, although neither the file nor what is asked for has changed.
        workers: who does the work.
    """

    source: Path
    output: Path
    participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = SUFFIXES
    filter: Path | None = None
    settings: Settings = field(default_factory=lambda: Settings(model=AUTO))
    per_scan: bool = False
    fuse: bool = False
    residual: bool = False
    reports: bool = True
    overwrite: bool = False
    retry: bool = False
    workers: Workers = field(default_factory=Workers)


@dataclass(frozen=True)
class Reply:
    """What became of the scans: those that something was done with now, those that were left out, and how many were done before."""

    states: tuple[ScanState, ...]
    done_before: int

    @property
    def failed(self) -> bool:
        """Whether a scan failed, now or before."""
        return any(state.state == "failed" for state in self.states)


def run(request: Request, monitor: Monitor | None = None, tell: Tell = nothing) -> Reply:
    """Enhance what is not enhanced yet; `tell` hears an event `scan` of each outcome as it comes.

    Raises:
        Cancelled: a stop was asked for; what is finished stays.
        MrisrError: it is no BIDS data set, the output cannot be written, the scheduler not be reached, or the device is not there.
    """
    if request.workers.remote:  # whose workers were begun in other folders
        source, output = request.source.absolute(), request.output.absolute()
        request = replace(request, source=source, output=output, settings=request.settings.anywhere)
    return _Run(request, monitor or Monitor(), tell).reply()


class _Run:
    def __init__(self, request: Request, monitor: Monitor, tell: Tell) -> None:
        self._request, self._monitor, self._tell = request, monitor, tell
        self._states = States(request.output)
        self._choices = Choices(request.output, asked_of(request.settings))
        self._wish = wish_of(request.settings, fuse=request.fuse)
        self._became: list[ScanState] = []
        self._before = 0
        self._card: Card | None = None

    def reply(self) -> Reply:
        request = self._request
        check_folders(request.source, request.output)
        if request.settings.model != AUTO:  # a wrong name is told before anything is written
            self._card = catalog.find(request.settings.model)
        selection = Selection(request.suffixes, read_filter(request.filter) if request.filter else {})
        todo = look_through(
            request.source,
            selection,
            request.settings,
            subjects=request.participants,
            sessions=request.sessions,
            monitor=self._monitor,
        )
        prepare(request.source, request.output)
        for state in todo.left_out:
            self._keep(state)
        stacks = todo.stacks if request.fuse else ()
        together = {id(scan) for each in stacks for scan in each.scans}
        scans = [scan for scan in todo.scans if id(scan) not in together and self._is_left(scan)]
        stacks = tuple(each for each in stacks if self._are_left(each))
        if todo.stacks and not request.fuse:
            self._monitor.log(
                f"{len(todo.stacks)} session{'s have' * (len(todo.stacks) > 1) or ' has'} several stacks of one contrast, thick in "
                "different directions; --fuse makes one volume of them."
            )
        if scans or stacks:
            self._work(scans, stacks)
        return Reply(tuple(self._became), self._before)

    def _is_left(self, scan: Scan) -> bool:
        """Whether something is to be done with a scan; what was found out before is told."""
        request, state = self._request, self._states.read(scan.image)
        place = self._place(scan, state)
        if place and not request.overwrite and (request.output / place).exists():
            self._before += 1
            return False
        if state is not None and self._fails_again(state, scan):
            self._keep(state)
            return False
        return True

    def _are_left(self, stacks: Stacks) -> bool:
        request = self._request
        if not request.overwrite and (request.output / stacks.place).exists():
            self._before += len(stacks.scans)
            return False
        before = [
            (state, scan) for scan in stacks.scans if (state := self._states.read(scan.image)) is not None
        ]
        if len(before) < len(stacks.scans) or not all(self._fails_again(*each) for each in before):
            return True
        for state, _ in before:
            self._keep(state)
        return False

    def _place(self, scan: Scan, state: ScanState | None) -> str:
        """Where the result is, or is to be; empty if that is not known yet."""
        if self._request.per_scan and self._request.settings.model == AUTO:
            return state.output if state is not None and state.state == "enhanced" else ""
        model = self._model(scan)
        return result_place(scan.image, model) if model else ""

    def _model(self, scan: Scan) -> str:
        """The model of a scan by its name; empty if it is not decided."""
        if self._card is not None:
            return self._card.name
        choice = self._choices.find(*scan.group)
        return "" if choice is None else choice.model

    def _fails_again(self, state: ScanState, scan: Scan) -> bool:
        """Whether a scan failed and would fail again."""
        if state.state != "failed" or self._request.retry or self._request.overwrite:
            return False
        same = state.asked == self._wish and state.tells_of(scan.image.path)
        return same and not Failed(state.kind, state.reason).passing

    def _keep(self, state: ScanState) -> None:
        self._states.write(state)
        self._became.append(state)
        self._tell("scan", scan=state.scan, state=state.state, reason=state.reason, output=state.output)

    def _work(self, scans: Sequence[Scan], stacks: Sequence[Stacks]) -> None:
        request = self._request
        if not request.workers.remote:  # told once, not of every scan
            check_there(request.settings.device)
        networks = self._card is None or self._card.sha256 is not None
        gpus = gpus_here(request.settings.device) if networks else ()
        need = max((need_of(size_of(scan, request.settings)) for scan in scans), default=USUAL)
        share = share_of(request.workers, len(scans) + len(stacks), need, gpus)
        with crew_of(request.workers, share, self._monitor) as crew:
            if request.settings.model == AUTO and not request.per_scan:
                self._decide(crew, scans)
            self._enhance(crew, scans)
            self._fuse(crew, stacks)

    def _decide(self, crew: Crew, scans: Sequence[Scan]) -> None:
        """Choose a model for each contrast and voxel size that has none yet."""
        from .bids_work import ChoiceJob, Chosen, choose_model

        groups: dict[tuple[str, str], list[Scan]] = defaultdict(list)
        for scan in scans:
            if not self._model(scan):
                groups[scan.group].append(scan)
        keys = list(groups)
        jobs = [
            ChoiceJob(tuple(s.image.path for s in _spread(groups[key])), self._request.settings)
            for key in keys
        ]
        for number, chosen in crew.each(choose_model, jobs, "choosing models") if jobs else ():
            if isinstance(chosen, Chosen):
                places = {scan.image.path: scan.image.place for scan in groups[keys[number]]}
                asked = tuple(places[path] for path in chosen.paths)
                kept = self._choices.decide(
                    Choice(
                        *keys[number], chosen.model, chosen.reason, asked, asked_of(self._request.settings)
                    )
                )
                self._monitor.log(f"{kept.suffix}, {kept.voxels} mm: {kept.model}. {kept.reason}")

    def _enhance(self, crew: Crew, scans: Sequence[Scan]) -> None:
        from .bids_work import Made, enhance_scan

        jobs = [self._job(scan) for scan in scans]
        for number, made in crew.each(enhance_scan, jobs, "scans") if jobs else ():
            scan = scans[number]
            if isinstance(made, Made):
                self._keep(ScanState(scan.image.place, "enhanced", made.note, made.place, made.report))
            else:
                self._keep(self._failure(scan, made))

    def _job(self, scan: Scan) -> object:
        from .bids_work import ScanJob

        request = self._request
        model = AUTO if request.per_scan else self._model(scan) or FALLBACK
        settings = (
            request.settings if request.settings.model != AUTO else replace(request.settings, model=model)
        )
        told = told_of([scan.image], scan.metadata)
        return ScanJob(scan.image, request.output, settings, told, request.residual, request.reports)

    def _fuse(self, crew: Crew, stacks: Sequence[Stacks]) -> None:
        from .bids_work import FusionJob, Made, fuse_stacks

        output, settings = self._request.output, _fusion_settings(self._request.settings)
        jobs = [
            FusionJob(
                tuple(scan.image.path for scan in each.scans), output, each.place, settings,
                told_of([scan.image for scan in each.scans], each.scans[0].metadata),
            )
            for each in stacks
        ]  # fmt: skip
        for number, made in crew.each(fuse_stacks, jobs, "sessions") if jobs else ():
            for scan in stacks[number].scans:
                if isinstance(made, Made):
                    self._keep(ScanState(scan.image.place, "fused", made.note, made.place))
                else:
                    self._keep(self._failure(scan, made))

    def _failure(self, scan: Scan, failed: Failed) -> ScanState:
        try:
            found = scan.image.path.stat()
            size, changed = found.st_size, found.st_mtime_ns
        except OSError:
            size = changed = 0
        return ScanState(
            scan.image.place, "failed", failed.message, "", "", failed.kind, size, changed, self._wish
        )


def _spread(scans: Sequence[Scan]) -> Iterator[Scan]:
    """Some of them, from all over."""
    step = max(1, len(scans) // ASKED_FIRST)
    yield from scans[::step][:ASKED_FIRST]


def _fusion_settings(settings: Settings) -> FusionSettings:
    """How to fuse; a factor says nothing of several scans, which become isotropic as usual."""
    target = settings.target
    spacing = target if isinstance(target, Target) and target.kind == "spacing" else None
    acquisition = settings.acquisition if isinstance(settings.acquisition, str) else None
    return FusionSettings(target=spacing, acquisition=acquisition, device=settings.device)
