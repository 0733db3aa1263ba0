"""The Examine group: which model suits this scan, how near a result comes to a reference, and what leaves Slicer."""

from typing import Any

from ..Scene.Records import scanOf
from .ExamineRun import ExamineRun
from .PanelState import PanelState
from .ProfilePanel import ProfilePanel
from .ReferencePanel import ReferencePanel
from .ReportPanel import ReportPanel
from .TrialPanel import TrialPanel
from .WitnessPanel import WitnessPanel


class ExaminePanel:
    """Holds the sections together: they share the pair of scan and result, and one run at a time.

    :param start: called with a function that makes a job and a ``RunListener``.
    :param cancel: ends the run that is going on.
    :param idle: called when a run has ended.
    :param pick: chooses a model.
    """

    def __init__(self, ui, store, *, start, cancel, idle, pick) -> None:
        self._ui, self._startRun, self._cancelRun = ui, start, cancel
        self._parameters: Any = None
        self._shownResult: Any = None
        self._run = ExamineRun(ui, idle)
        self._trial = TrialPanel(ui, self._start, store, pick)
        self._profile = ProfilePanel(ui)
        self._sections = (
            self._trial,
            WitnessPanel(ui, self._start),
            ReferencePanel(ui, self._start),
            self._profile,
            ReportPanel(ui, self._start),
        )
        ui.examineCancelButton.clicked.connect(self._cancel)

    def show(self, state: PanelState) -> None:
        """Bring the sections up to date with the settings."""
        self._parameters = state.parameters
        self._followResult()
        for section in self._sections:
            section.show(state)

    def offer(self, scan, result) -> None:
        """Put forward a fresh pair."""
        if self._parameters is not None:
            self._parameters.examinedScan, self._parameters.examinedResult = scan, result

    def forget(self) -> None:
        """The scene closes."""
        self._parameters, self._shownResult = None, None
        for section in self._sections:
            section.forget()
        self._run.say("")

    def _followResult(self) -> None:
        """A result that was made here brings its scan along, once."""
        result = self._parameters.examinedResult
        if result is not self._shownResult:
            self._shownResult = result
            scan = scanOf(result)
            if scan is not None:
                self._parameters.examinedScan = scan

    def _start(self, makeJob, done) -> None:
        self._run.then(done)
        self._startRun(makeJob, self._run)

    def _cancel(self, *_arguments) -> None:
        self._run.stopping()
        self._cancelRun()
