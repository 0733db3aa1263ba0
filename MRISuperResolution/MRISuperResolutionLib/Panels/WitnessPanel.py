"""Check with another stack: which of the added detail a scan in another direction confirms."""

from typing import Any

from slicer.i18n import tr as _

from mrisr.image.metrics import less_error_text

from ..Jobs.WitnessJob import WitnessJob
from ..Scene import Refusals, Stacks
from ..Views.Overlay import Overlay, jumpTo
from .PanelState import PanelState

VEIL = 0.5
"""Opacity of the map of what is confirmed, which covers whole regions."""


class WitnessPanel:
    """``start`` is called with a function that makes the job and one that takes the results."""

    def __init__(self, ui, start) -> None:
        self._ui, self._start = ui, start
        self._parameters: Any = None
        self._job: Any = None  # the last one, made before any result of it comes
        self._suggestedFor: Any = None
        self._overlay = Overlay()
        ui.witnessButton.clicked.connect(self._check)
        ui.witnessOverlayCheckBox.toggled.connect(self._toggle)
        ui.witnessPlaceButton.clicked.connect(self._goToPlace)

    def show(self, state: PanelState) -> None:
        self._parameters = state.parameters
        self._suggest()
        problem = self._problem()
        self._ui.witnessButton.enabled = state.idle and not problem
        self._ui.witnessButton.toolTip = problem or _(
            "Place the other stack on the scan, work out what it should show if the result were true, and say which share of the added "
            "detail it confirms."
        )
        self._showMap()

    def forget(self) -> None:
        """The scene closes."""
        self._overlay.forget()
        self._ui.witnessResultLabel.visible = False
        self._parameters = self._job = self._suggestedFor = None
        self._showMap()

    @property
    def _map(self):
        result = self._parameters.examinedResult if self._parameters is not None else None
        return result.GetNodeReference(Stacks.AGREEMENT) if result is not None else None

    def _suggest(self) -> None:
        """A stack of the scene that fits is put forward, once a scan; what the user chose stays."""
        scan = self._parameters.examinedScan
        if scan is not self._suggestedFor:
            self._suggestedFor = scan
            if self._parameters.witnessStack is None or self._parameters.witnessStack is scan:
                self._parameters.witnessStack = Stacks.suggested(scan)

    def _problem(self) -> str:
        result, scan = self._parameters.examinedResult, self._parameters.examinedScan
        stack = self._parameters.witnessStack
        if result is None or scan is None or stack is None:
            return _("Choose a scan, its result and another stack of the same subject.")
        if stack in (result, scan):
            return _("The stack must be another scan than the one that was enhanced and its result.")
        return next(filter(None, map(Refusals.ofInput, (result, scan, stack))), "")

    def _check(self, *_arguments) -> None:
        self._start(self._makeJob, self._finished)

    def _makeJob(self) -> WitnessJob:
        given = self._parameters
        self._job = WitnessJob(
            given.examinedResult, given.examinedScan, given.witnessStack, given.device.value
        )
        return self._job

    def _finished(self, _nodes: list) -> None:
        self._ui.witnessResultLabel.visible = True
        self._ui.witnessResultLabel.text = f"<b>{self._job.sentence}</b>" + self._gain()
        self._showMap()

    def _gain(self) -> str:
        said = self._job.testimony
        if not said["tells"]:
            return ""
        return " " + _("The result predicts the stack with {gain} than plain interpolation does.").format(
            gain=less_error_text(said["gain_db"])
        )

    def _showMap(self) -> None:
        node, place = self._map, self._place()
        shown = self._overlay.shows(node)
        self._ui.witnessOverlayCheckBox.enabled = node is not None
        self._ui.witnessOverlayCheckBox.blockSignals(True)
        self._ui.witnessOverlayCheckBox.checked = shown
        self._ui.witnessOverlayCheckBox.blockSignals(False)
        self._ui.witnessLegendLabel.visible = shown
        self._ui.witnessPlaceButton.visible = place is not None
        if shown:
            self._ui.witnessLegendLabel.text = _(
                "Blue: the stack confirms what was added; red: it contradicts it. Clear: it makes no difference, or the stack cannot tell."
            )

    def _place(self):
        """Where the stack contradicts the result that is shown most; None without such a place."""
        if self._job is None or self._parameters is None:
            return None
        mine = self._job.result is self._parameters.examinedResult
        return self._job.testimony.get("place_ras") if mine else None

    def _goToPlace(self, *_arguments) -> None:
        place = self._place()
        if place is not None:
            jumpTo(place)

    def _toggle(self, checked: bool) -> None:
        if checked and self._map is not None:
            self._overlay.show(self._map, VEIL)
        else:
            self._overlay.hide(self._map)
        self._showMap()
