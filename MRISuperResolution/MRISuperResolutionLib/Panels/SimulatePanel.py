"""The Simulate section: a low-resolution scan made from the input."""

from slicer.i18n import tr as _

from mrisr.physics.protocols import PROTOCOLS

from ..Jobs.Job import SimulateJob
from .PanelState import PanelState


class SimulatePanel:
    """``start`` is called with the job."""

    def __init__(self, ui, start) -> None:
        self._ui, self._start = ui, start
        self._input, self._names = None, list(PROTOCOLS)
        for protocol in PROTOCOLS.values():
            ui.protocolComboBox.addItem(f"{protocol.name}: {protocol.summary}")
        ui.protocolComboBox.currentIndexChanged.connect(self._showDirection)
        ui.simulateButton.clicked.connect(self._simulate)
        self._fillDirections(("I", "J", "K"))

    def show(self, state: PanelState) -> None:
        self._input = state.parameters.inputVolume
        self._ui.simulateButton.enabled = state.idle and state.scan is not None
        if state.scan is not None:
            self._fillDirections(state.scan.directions)
        self._showDirection()

    @property
    def _protocol(self):
        return PROTOCOLS[self._names[max(0, self._ui.protocolComboBox.currentIndex)]]

    def _fillDirections(self, directions) -> None:
        chosen = max(0, self._ui.simulateAxisComboBox.currentIndex)
        self._ui.simulateAxisComboBox.clear()
        for text in (_("As the protocol says"), *directions):
            self._ui.simulateAxisComboBox.addItem(text)
        self._ui.simulateAxisComboBox.currentIndex = chosen

    def _showDirection(self, *_arguments) -> None:
        self._ui.simulateAxisComboBox.enabled = self._protocol.axes == "one"

    def _simulate(self, *_arguments) -> None:
        chosen = self._ui.simulateAxisComboBox.currentIndex
        axis = chosen - 1 if chosen > 0 and self._protocol.axes == "one" else None
        self._start(lambda: SimulateJob(self._input, self._protocol.name, axis))
