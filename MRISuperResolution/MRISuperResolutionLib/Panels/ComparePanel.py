"""The Compare section."""

import slicer
from slicer.i18n import tr as _

from mrisr.errors import InputError

from ..Scene.Resampled import addDifference
from ..Views.CompareView import CompareMode, CompareView
from .PanelState import PanelState


class ComparePanel:
    def __init__(self, ui, view: CompareView, say) -> None:
        self._ui, self._view, self._say = ui, view, say
        self._state: PanelState | None = None
        for mode in CompareMode:
            ui.compareModeComboBox.addItem(mode.label())
        ui.compareModeComboBox.currentIndexChanged.connect(self._modeChanged)
        ui.compareButton.clicked.connect(self._compare)
        ui.differenceButton.clicked.connect(self._addDifference)
        ui.restoreButton.clicked.connect(self.restore)
        ui.revealSlider.valueChanged.connect(self._reveal)

    def show(self, state: PanelState) -> None:
        """Enable what can be done with the two chosen volumes."""
        self._state = state
        before, after = self._volumes()
        ready = before is not None and after is not None and before is not after
        self._ui.compareButton.enabled = ready
        self._ui.differenceButton.enabled = ready
        self._ui.restoreButton.enabled = self._view.shown
        self._ui.revealSlider.enabled = ready and self._mode.revealing

    def offer(self, before, after) -> None:
        """Put forward a fresh pair of input and result."""
        if self._state is not None:
            self._state.parameters.compareBefore = before
            self._state.parameters.compareAfter = after

    def toggle(self, before, after) -> None:
        """Show a result beside its scan, or bring the views back if that is what is shown."""
        if self._view.shown and self._volumes() == (before, after):
            self.restore()
        elif self._state is not None:
            self.offer(before, after)
            self._compare()

    @property
    def shown(self) -> bool:
        """Whether a comparison is in the views."""
        return self._view.shown

    def restore(self, *_arguments) -> None:
        self._view.restore()
        self._refresh()

    def forget(self) -> None:
        """The scene closes: nothing to bring back, nothing to show."""
        self._view.forget()
        self._state = None

    @property
    def _mode(self) -> CompareMode:
        return list(CompareMode)[max(0, self._ui.compareModeComboBox.currentIndex)]

    def _volumes(self):
        if self._state is None:
            return None, None
        return self._state.parameters.compareBefore, self._state.parameters.compareAfter

    def _refresh(self) -> None:
        if self._state is not None:
            self.show(self._state)

    def _modeChanged(self, *_arguments) -> None:
        if self._state is None:
            return
        if self._view.shown:
            self._compare()
        self._refresh()

    def _compare(self, *_arguments) -> None:
        try:
            before, after = self._volumes()
            self._view.show(before, after, self._mode)
            self._view.reveal(self._ui.revealSlider.value / 100)
        except InputError as error:
            self._say(str(error))
        self._refresh()

    def _addDifference(self, *_arguments) -> None:
        try:
            node = addDifference(*self._volumes())
        except InputError as error:
            self._say(str(error))
            return
        slicer.util.setSliceViewerLayers(background=node, foreground=None)
        self._say(_("{name} was added to the scene.").format(name=node.GetName()))

    def _reveal(self, share: float) -> None:
        self._view.reveal(share / 100)
