"""The Output field: what a new volume will be called."""

from slicer.i18n import tr as _

from ..Jobs.Job import resultName
from .PanelState import PanelState


class OutputPanel:
    """The name stands in the tool tip: the selection jumps to a volume where the words for "none" are changed."""

    def __init__(self, ui) -> None:
        self._ui = ui

    def show(self, state: PanelState) -> None:
        source = state.parameters.inputVolume
        name = resultName(source, state.parameters.model) if source is not None else ""
        self._ui.outputSelector.toolTip = (
            _("A new volume is called “{name}”.").format(name=name) if name else ""
        )
