"""The Input section: what was found out about the chosen scan."""

from .PanelState import PanelState


class InputPanel:
    """Says what the scan is; nothing of a volume that cannot be used."""

    def __init__(self, ui) -> None:
        self._ui = ui

    def show(self, state: PanelState) -> None:
        self._ui.scanInfoLabel.text = (
            " ".join(filter(None, state.scan.sentences())) if state.scan is not None else ""
        )
