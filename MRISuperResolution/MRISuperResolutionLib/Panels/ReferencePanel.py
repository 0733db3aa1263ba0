"""Compare with a reference: a scan of the same subject that has the resolution of the result."""

from typing import Any

from slicer.i18n import tr as _

from ..Jobs.ExamineJobs import ReferenceJob
from ..Scene import ErrorMap, Refusals
from ..Scene.ColorTables import CLEAR
from ..Views.Overlay import Overlay
from .PanelState import PanelState


class ReferencePanel:
    """``start`` is called with a function that makes the job and one that takes the results."""

    def __init__(self, ui, start) -> None:
        self._ui, self._start = ui, start
        self._parameters: Any = None
        self._job: Any = None  # the last one, made before any result of it comes
        self._overlay = Overlay()
        ui.referenceButton.clicked.connect(self._compare)
        ui.errorOverlayCheckBox.toggled.connect(self._toggle)

    def show(self, state: PanelState) -> None:
        self._parameters = state.parameters
        problem = self._problem()
        self._ui.referenceButton.enabled = state.idle and not problem
        self._ui.referenceButton.toolTip = problem or _(
            "Place the reference on the result and measure how far the result, and "
            "plain interpolation of the scan, are from it."
        )
        self._showOverlay()

    def forget(self) -> None:
        """The scene closes."""
        self._overlay.forget()
        self._ui.referenceTable.setMRMLTableNode(None)
        self._ui.referenceTable.visible = self._ui.referenceResultLabel.visible = False
        self._parameters, self._job = None, None
        self._showOverlay()

    @property
    def _error(self):
        result = self._parameters.examinedResult if self._parameters is not None else None
        return result.GetNodeReference(ErrorMap.ERROR) if result is not None else None

    def _problem(self) -> str:
        result, reference = self._parameters.examinedResult, self._parameters.reference
        if result is None or reference is None:
            return _("Choose a result and a reference.")
        if reference in (result, self._parameters.examinedScan):
            return _("The reference must be another scan than the one that was enhanced and its result.")
        return Refusals.ofInput(result) or Refusals.ofInput(reference)

    def _compare(self, *_arguments) -> None:
        self._start(self._makeJob, self._finished)

    def _makeJob(self) -> ReferenceJob:
        scan = self._parameters.examinedScan
        self._job = ReferenceJob(
            self._parameters.examinedResult,
            self._parameters.reference,
            None if Refusals.ofInput(scan) else scan,
        )
        return self._job

    def _finished(self, nodes: list) -> None:
        self._ui.referenceTable.setMRMLTableNode(nodes[0])
        self._ui.referenceTable.visible = self._ui.referenceResultLabel.visible = True
        self._ui.referenceTable.resizeColumnsToContents()
        self._ui.referenceResultLabel.text = f"<b>{self._job.sentence}</b>"
        self._showOverlay()

    def _showOverlay(self) -> None:
        error = self._error
        shown = self._overlay.shows(error)
        self._ui.errorOverlayCheckBox.enabled = error is not None
        self._ui.errorOverlayCheckBox.blockSignals(True)
        self._ui.errorOverlayCheckBox.checked = shown
        self._ui.errorOverlayCheckBox.blockSignals(False)
        self._ui.errorLegendLabel.visible = shown
        if shown:
            end = error.GetDisplayNode().GetWindow() / 2
            self._ui.errorLegendLabel.text = _(
                "Red: the result is brighter than the reference; blue: darker. Full color at ±{end:.3g}, "
                "clear up to ±{start:.3g}, in the reference's units."
            ).format(end=end, start=CLEAR[0] * end)

    def _toggle(self, checked: bool) -> None:
        if checked and self._error is not None:
            self._overlay.show(self._error)
        else:
            self._overlay.hide(self._error)
        self._showOverlay()
