"""The Combine stacks section: several thick scans of one subject become one volume."""

from slicer.i18n import tr as _

from mrisr.fusion.settings import BETWEEN, FIELDS, FusionSettings

from ..Jobs.FuseJob import FuseJob, refusalOf
from .PanelState import PanelState


class FusePanel:
    """``start`` is called with a function that makes the job, ``say`` with a sentence."""

    def __init__(self, ui, start, say) -> None:
        self._ui, self._start, self._say = ui, start, say
        self._state: PanelState | None = None
        labels = {
            "reference": _("That of the reference"),
            "union": _("That of all stacks"),
            "common": _("What all stacks cover"),
        }
        for field in FIELDS:
            ui.fuseFieldComboBox.addItem(labels[field])
        ui.fuseSelector.checkedNodesChanged.connect(self._update)
        ui.fuseButton.clicked.connect(self._fuse)

    def show(self, state: PanelState) -> None:
        self._state = state
        self._update()

    def _update(self, *_arguments) -> None:
        nodes = self._nodes()
        ready = self._state is not None and self._state.idle
        self._ui.fuseButton.enabled = ready and len(nodes) > 1
        self._ui.fuseReferenceLabel.text = (
            _("Reference: {name}").format(name=nodes[0].GetName())
            if nodes
            else _("Check two or more stacks of one subject.")
        )

    def _nodes(self) -> list:
        """The checked volumes, the input first if it is one of them: it is the reference."""
        nodes = list(self._ui.fuseSelector.checkedNodes())
        source = self._state.parameters.inputVolume if self._state is not None else None
        return sorted(nodes, key=lambda node: node is not source)

    def _fuse(self, *_arguments) -> None:
        nodes = self._nodes()
        problem = refusalOf(nodes)
        if problem or self._state is None:
            self._say(problem)
            return
        settings = FusionSettings(
            field=FIELDS[max(0, self._ui.fuseFieldComboBox.currentIndex)],
            motion=BETWEEN[int(self._ui.fuseMotionCheckBox.checked)],
            device=self._state.parameters.device.value,
        )
        self._start(lambda: FuseJob(nodes, None, settings))
