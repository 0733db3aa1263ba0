"""The Input section: what was found out about the chosen scan, and how it is taken to have been made."""

from .PanelState import PanelState


class InputPanel:
    """Says what the scan is; nothing of a volume that cannot be used."""

    def __init__(self, ui) -> None:
        self._ui = ui

    def show(self, state: PanelState) -> None:
        engine = state.plan.engine if state.plan is not None else None
        sentences = (
            [*state.scan.sentences(), engine.basis if engine else ""] if state.scan is not None else []
        )
        self._ui.scanInfoLabel.text = " ".join(filter(None, sentences))
