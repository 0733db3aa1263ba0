"""The Input section: what was found out about the chosen scan."""

from mrisr.errors import MrisrError

from ..Scene import Refusals
from ..Scene.ScanInfo import ScanInfo


class InputPanel:
    def __init__(self, ui) -> None:
        self._ui = ui
        self.scan: ScanInfo | None = None
        self.refusal = ""

    def show(self, node) -> None:
        """Look at the volume and say what was found; a volume that cannot be used gets its sentence."""
        self.refusal = Refusals.ofInput(node)
        self.scan = None if self.refusal else self._look(node)
        self._ui.scanInfoLabel.text = " ".join(filter(None, self.scan.sentences())) if self.scan else ""

    def _look(self, node) -> ScanInfo | None:
        try:
            return ScanInfo.ofNode(node)
        except MrisrError as error:
            self.refusal = str(error)
            return None
