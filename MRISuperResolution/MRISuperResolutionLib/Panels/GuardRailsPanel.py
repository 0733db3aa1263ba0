"""What to know before running: a sentence for everything that makes a result worth less, beside the scan it is about."""

import qt

from mrisr.errors import MrisrError
from mrisr.evaluation.guard_rails import check_scan
from mrisr.image.volume import Volume

from ..Jobs.Settings import targetOf
from ..Scene import VolumeBridge
from .PanelState import PanelState

WAIT_MS = 150
"""How long the settings must stand still before the scan is looked at: at 256³ voxels that takes a tenth of a second."""

ENOUGH = 64
"""Voxels along an axis that are enough to tell a contrast by."""


class GuardRailsPanel:
    """What the headers tell is said at once, what the voxels tell a moment later.

    The engine's sentence about a factor outside the model's training is left to the Model section, where the model is chosen.
    """

    def __init__(self, ui) -> None:
        self._ui = ui
        self._parameters, self._scan, self._card, self._statement = None, None, None, None
        self._key, self._known = None, {}
        self._scanKey, self._ofScan = None, []
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._look)

    def show(self, state: PanelState) -> None:
        """Look at the chosen scan again if it, what is stated of it, the model or the target has changed."""
        self._parameters, self._card, self._statement = state.parameters, state.card, state.statement
        if state.scan is not self._scan:
            self._scan, self._known = state.scan, {}
            self._say()
        if state.scan is not None and self._keyNow() != self._key:
            self._timer.start(WAIT_MS)

    def forget(self) -> None:
        """Another module is shown, or the scene closes."""
        self._timer.stop()
        self._parameters, self._scan, self._key, self._known = None, None, None, {}
        self._scanKey, self._ofScan = None, []
        self._say()

    def _keyNow(self) -> tuple:
        node = self._parameters.inputVolume
        return node.GetID(), node.GetImageData().GetMTime(), targetOf(self._parameters), self._statement, self._card and self._card.name

    def _look(self) -> None:
        self._timer.stop()
        if self._parameters is None or self._scan is None or self._parameters.inputVolume is None:
            return
        self._key = self._keyNow()
        try:
            self._known = self._found(VolumeBridge.volumeFromNode(self._parameters.inputVolume))
        except MrisrError:
            self._known = {}  # the Target section says what is wrong
        self._say()

    def _found(self, volume: Volume) -> dict[str, str]:
        """The engine's sentences by code. The contrast is told from every few voxels; the rest, from all, for each model alike."""
        if self._scanKey != self._key[:-1]:
            self._scanKey = self._key[:-1]
            self._ofScan = check_scan(volume, target=targetOf(self._parameters), acquisition=self._statement)
        thinned = check_scan(_thinned(volume), self._card, acquisition=self._statement)
        contrast = [warning for warning in thinned if warning.code == "contrast"]
        sentences: dict[str, str] = {}
        for warning in [*self._ofScan, *contrast]:
            sentences[warning.code] = "\n".join(filter(None, [sentences.get(warning.code, ""), f"⚠ {warning.sentence}"]))
        return sentences

    def _say(self) -> None:
        """Where headers and voxels tell the same, the voxels' sentence says more."""
        headers = {code: f"⚠ {sentence}" for code, sentence in (self._scan.warnings() if self._scan else {}).items()}
        text = "\n".join({**headers, **self._known}.values())
        self._ui.scanWarningLabel.text = text
        self._ui.scanWarningLabel.visible = bool(text)


def _thinned(volume: Volume) -> Volume:
    steps = [max(1, n // ENOUGH) for n in volume.shape]
    affine = volume.affine.copy()
    affine[:3, :3] *= steps
    i, j, k = (slice(None, None, step) for step in steps)
    return Volume(volume.array[i, j, k], affine)
