"""What to know before running: a sentence for everything that makes a result worth less, beside the scan it is about."""

import qt

from mrisr.errors import InputError, MrisrError
from mrisr.evaluation.guard_rails import ScanWarning as Finding
from mrisr.evaluation.guard_rails import check_scan
from mrisr.image.volume import Volume, check_volume

from ..Jobs.Settings import targetOf
from ..Scene import VolumeBridge
from ..Scene.ScanHeader import knownOf
from ..Scene.ScanInfo import ScanInfo
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
        self._state: PanelState | None = None
        self._scan: ScanInfo | None = None
        self._key: tuple = ()
        self._known: dict[str, str] = {}
        self._scanKey: tuple = ()
        self._ofScan: list[Finding] = []
        self._refusal = ""
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._look)

    def show(self, state: PanelState) -> None:
        """Look at the chosen scan again if it, what is stated of it, the model or the target has changed."""
        self._state = state
        if state.scan is not self._scan:
            self._scan, self._known = state.scan, {}
            self._say()
        if state.scan is not None and _keyOf(state) != self._key:
            self._timer.start(WAIT_MS)

    def forget(self) -> None:
        """Another module is shown, or the scene closes."""
        self._timer.stop()
        self._state, self._scan, self._key, self._known = None, None, (), {}
        self._scanKey, self._ofScan = (), []
        self._say()

    def _look(self) -> None:
        self._timer.stop()
        state = self._state
        if state is None or state.scan is None or state.parameters.inputVolume is None:
            return
        self._key = _keyOf(state)
        try:
            self._known = self._found(state)
        except MrisrError:
            self._known = {}  # the Target section says what is wrong
        self._say()

    def _found(self, state: PanelState) -> dict[str, str]:
        """The engine's sentences by code. The contrast is told from every few voxels; the rest, from all, for each model alike."""
        volume = VolumeBridge.scanFromNode(state.parameters.inputVolume)
        if self._scanKey != self._key[:-1]:
            self._scanKey = self._key[:-1]
            self._refusal = refusalOf(volume)
            self._ofScan = check_scan(
                volume,
                target=targetOf(state.parameters),
                acquisition=state.statement,
                known=knownOf(state.parameters.inputVolume),
            )
        thinned = check_scan(_thinned(volume), state.card, acquisition=state.statement)
        contrast = [warning for warning in thinned if warning.code == "contrast"]
        sentences = {"refused": f"⚠ {self._refusal}"} if self._refusal else {}
        for warning in [*self._ofScan, *contrast]:
            sentences[warning.code] = "\n".join(
                filter(None, [sentences.get(warning.code, ""), f"⚠ {warning.sentence}"])
            )
        return sentences

    def _say(self) -> None:
        """Where headers and voxels tell the same, the voxels' sentence says more."""
        told: dict[str, str] = self._scan.warnings() if self._scan is not None else {}
        plan = self._state.plan if self._state is not None else None
        if plan is not None and plan.engine is not None and plan.engine.contradiction:
            told["acquisition"] = plan.engine.contradiction
        headers = {code: f"⚠ {sentence}" for code, sentence in told.items()}
        text = "\n".join({**headers, **self._known}.values())
        self._ui.scanWarningLabel.text = text
        self._ui.scanWarningLabel.visible = bool(text)


def refusalOf(volume: Volume) -> str:
    """Why the engine will refuse the voxels of a scan; empty if it will not."""
    try:
        check_volume(volume)
    except InputError as error:
        return str(error)
    return ""


def _keyOf(state: PanelState) -> tuple:
    """What the sentences depend on; the model comes last, as most of them do not depend on it."""
    node = state.parameters.inputVolume
    return (
        node.GetID(),
        node.GetImageData().GetMTime(),
        targetOf(state.parameters),
        state.statement,
        state.card and state.card.name,
    )


def _thinned(volume: Volume) -> Volume:
    steps = [max(1, n // ENOUGH) for n in volume.shape]
    affine = volume.affine.copy()
    affine[:3, :3] *= steps
    i, j, k = (slice(None, None, step) for step in steps)
    return Volume(volume.array[i, j, k], affine)
