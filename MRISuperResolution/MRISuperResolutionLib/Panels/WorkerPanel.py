"""The process that computes: started when a scan is chosen, kept as long as is said here, ended where its memory is wanted."""

from slicer.i18n import tr as _

from ..System.WarmWorker import WarmWorker, keepMinutes
from .PanelState import PanelState


class WorkerPanel:
    """How long it is kept is a setting of this computer, and not of the scene.

    :param worker: what computes.
    :param say: shows a sentence.
    """

    def __init__(self, ui, worker: WarmWorker, say) -> None:
        self._ui, self._worker, self._say = ui, worker, say
        self._scan = ""
        ui.keepSpinBox.value = keepMinutes()
        ui.keepSpinBox.valueChanged.connect(self._keep)
        ui.freeMemoryButton.clicked.connect(self._free)

    def show(self, state: PanelState) -> None:
        """Have the worker ready for a scan that was just chosen."""
        chosen = state.parameters.inputVolume.GetID() if state.scan is not None else ""
        if chosen != self._scan:
            self._scan = chosen
            if chosen:
                self._worker.warm()
        self._ui.freeMemoryButton.enabled = state.idle

    def forget(self) -> None:
        """The scene's settings are taken up anew."""
        self._scan = ""

    def _keep(self, *_arguments) -> None:
        self._worker.setKeepMinutes(self._ui.keepSpinBox.value)

    def _free(self, *_arguments) -> None:
        if not self._worker.busy:
            self._worker.end()
            self._say(_("The memory is free. The next run starts a few seconds later."))
