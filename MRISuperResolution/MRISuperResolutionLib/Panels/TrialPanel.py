"""Try on my scan: which model restores this very scan best."""

from typing import Any

import qt
from slicer.i18n import tr as _

from mrisr.evaluation.scores import BASELINES
from mrisr.pipeline import planning
from mrisr.pipeline.duration import Demand
from mrisr.pipeline.proposal import suits
from mrisr.pipeline.settings import Settings

from ..Jobs import Plan
from ..Jobs.ExamineJobs import TrialJob
from ..Jobs.Settings import settingsOf
from ..Scene.ScoreTable import titleOf
from ..System.ModelStore import ModelStore
from .PanelState import PanelState

MOST_ROWS = 8
"""The list grows with the models up to this; beyond, it scrolls."""

STARTUP_S = 5
"""For starting the process, degrading the scan and scoring."""


class TrialPanel:
    """``start`` is called with a function that makes the job and one that takes the results; ``pick`` chooses a model."""

    def __init__(self, ui, start, store: ModelStore, pick) -> None:
        self._ui, self._start, self._pick = ui, start, pick
        self._cards = [card for card in store.cards if card.name not in BASELINES]
        self._parameters: Any = None
        self._engine: planning.Plan | None = None
        self._key: tuple | None = None
        self._job: Any = None  # the last one, made before any result of it comes
        self._idle, self._best = True, ""
        for card in self._cards:
            ui.trialModelList.addItem(card.label)
        self._fitHeight()
        ui.trialModelList.itemChanged.connect(self._update)
        ui.trialButton.clicked.connect(self._try)
        ui.useBestButton.clicked.connect(self._useBest)

    def show(self, state: PanelState) -> None:
        """Propose what fits a scan and target; the user's own checks stay as long as these do."""
        self._parameters, self._idle = state.parameters, state.idle
        self._engine = state.plan.engine if state.plan is not None else None
        scan = state.parameters.inputVolume
        key = (
            (scan.GetID(), tuple(round(f, 2) for f in self._engine.factor), self._engine.acquisition)
            if scan and self._engine
            else None
        )
        if key != self._key:
            self._key = key
            self._propose()
        self._update()

    def forget(self) -> None:
        """The scene closes."""
        self._ui.trialTable.setMRMLTableNode(None)
        self._ui.trialTable.visible = False
        self._showBest("", "")
        self._parameters, self._engine, self._key, self._job = None, None, None, None

    @property
    def models(self) -> list[str]:
        """The names of the models that are checked."""
        return [card.name for card, item in self._pairs() if item.checkState() == qt.Qt.Checked]

    def _pairs(self) -> list:
        return [(card, self._ui.trialModelList.item(row)) for row, card in enumerate(self._cards)]

    def _propose(self) -> None:
        self._ui.trialModelList.blockSignals(True)
        fitting = {
            card.name for card in self._cards if self._engine is not None and suits(card, self._engine)
        }
        self._cards.sort(
            key=lambda card: card.name not in fitting
        )  # those that are proposed are seen without scrolling
        for card, item in self._pairs():
            fits = card.name in fitting
            item.setCheckState(qt.Qt.Checked if fits else qt.Qt.Unchecked)
            item.setText(
                card.label
                if fits or self._engine is None
                else _("{name} (outside its training)").format(name=card.label)
            )
            item.setToolTip(f"{card.title}\n{card.purpose}")
        self._ui.trialModelList.blockSignals(False)

    def _update(self, *_arguments) -> None:
        scan = self._parameters.inputVolume if self._parameters is not None else None
        self._ui.trialButton.enabled = self._idle and scan is not None and self._engine is not None
        self._ui.useBestButton.enabled = bool(self._best)
        name = scan.GetName() if scan is not None else _("the input volume")
        self._ui.trialIntroLabel.text = _(
            "Makes {name} coarser once more, as the scanner might have, lets the checked models and three "
            "interpolations bring it back, and compares each with the scan itself."
        ).format(name=name)
        self._ui.trialTimeLabel.text = self._timeText(scan, self._engine)

    def _timeText(self, scan, engine: planning.Plan | None) -> str:
        """The scan itself is restored, so its own matrix counts; nothing while there is none to restore."""
        if not self._ui.trialButton.enabled or engine is None:
            return ""
        demand = Demand(scan.GetImageData().GetDimensions(), engine.lost)
        device, precision = self._parameters.device.value, self._parameters.precision.value
        times = [
            Plan.expectedSeconds(card, demand, device, precision)
            for card in self._cards
            if card.name in self.models
        ]
        known = [seconds for seconds in times if seconds is not None]
        if len(known) < len(times):
            return _("Checked: {count}. How long they take on this computer is not known.").format(
                count=len(times)
            )
        return _("Checked: {count}. About {time} in all.").format(
            count=len(times), time=Plan.duration(STARTUP_S + sum(known))
        )

    def _try(self, *_arguments) -> None:
        self._start(self._makeJob, self._finished)

    def _makeJob(self) -> TrialJob:
        self._showBest("", "")
        self._job = _ShownJob(
            self._parameters.inputVolume, self.models, settingsOf(self._parameters), self._showTable
        )
        return self._job

    def _showTable(self, node) -> None:
        self._ui.trialTable.setMRMLTableNode(node)
        self._ui.trialTable.visible = True
        self._ui.trialTable.resizeColumnsToContents()

    def _finished(self, nodes: list) -> None:
        self._showTable(nodes[0])
        self._showBest(self._job.best, self._job.sentence)

    def _showBest(self, best: str, sentence: str) -> None:
        self._best = best
        self._ui.trialResultLabel.visible = self._ui.useBestButton.visible = bool(best)
        self._ui.useBestButton.enabled = bool(best)
        self._ui.trialResultLabel.text = f"<b>{sentence}</b>"
        self._ui.useBestButton.text = (
            _("Use {model}").format(model=titleOf(best)) if best else _("Use the best model")
        )

    def _useBest(self, *_arguments) -> None:
        if self._best:
            self._pick(self._best)

    def _fitHeight(self) -> None:
        rows = min(MOST_ROWS, max(1, len(self._cards)))
        height = round((rows + 0.5) * max(16, self._ui.trialModelList.sizeHintForRow(0)))
        self._ui.trialModelList.minimumHeight = self._ui.trialModelList.maximumHeight = height


class _ShownJob(TrialJob):
    """Shows its table as it grows."""

    def __init__(self, source, models: list[str], settings: Settings, show) -> None:
        super().__init__(source, models, settings)
        self._show = show

    def note(self, event) -> str:
        text = super().note(event)
        if event["event"] == "row" and self.table is not None:
            self._show(self.table.node)
        return text
