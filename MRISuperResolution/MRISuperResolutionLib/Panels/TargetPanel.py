"""The Target section: how fine the result is to be, and which part of the scan."""

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..Scene.ParameterNode import TargetMode
from ..Scene.ScanInfo import ScanInfo
from .AcquisitionPanel import AcquisitionPanel
from .PanelState import PanelState

WAIT_MS = 200
"""How long the region and the scan must lie still before the plan is made again."""


class TargetPanel(VTKObservationMixin):
    """Shows the fields that the chosen mode needs, and what will come of them.

    :param moved: called when the region has changed, or the scan has been moved.
    """

    def __init__(self, ui, moved) -> None:
        super().__init__()
        self._ui, self._moved = ui, moved
        self._watched: tuple = (None, None)
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._tell)
        self._acquisition = AcquisitionPanel(ui)

    def show(self, state: PanelState) -> None:
        self._watch(state.parameters.region, state.parameters.inputVolume)
        self._acquisition.show(state)
        self._showAxes(state.parameters.targetMode, state.scan)
        self._ui.targetInfoLabel.text = state.plan.text(state.card) if state.plan is not None else ""

    def forget(self) -> None:
        """Another module is shown, or the scene closes: nothing is watched any more."""
        self._timer.stop()
        self.removeObservers()
        self._acquisition.forget()
        self._watched = (None, None)

    def _watch(self, region, source) -> None:
        """Follow the region, and the scan under it."""
        if (region, source) == self._watched:
            return
        self.removeObservers()
        self._watched = (region, source)
        moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        if region is not None:
            for event in (vtk.vtkCommand.ModifiedEvent, moved, slicer.vtkMRMLMarkupsNode.PointModifiedEvent):
                self.addObserver(region, event, self._later)
        if source is not None:
            self.addObserver(source, moved, self._later)

    def _later(self, *_arguments) -> None:
        self._timer.start(WAIT_MS)

    def _tell(self) -> None:
        self._timer.stop()
        self._moved()

    def _showAxes(self, mode: TargetMode, scan: ScanInfo | None) -> None:
        shown = mode in (TargetMode.Factor, TargetMode.Spacing)
        self._ui.axesWidget.visible = shown
        self._ui.axesLabel.visible = shown
        self._ui.axesLabel.text = _("Factor:") if mode is TargetMode.Factor else _("Voxel size:")
        for axis in range(3):
            self._field("factorSpinBox", axis).visible = mode is TargetMode.Factor
            self._field("spacingSpinBox", axis).visible = mode is TargetMode.Spacing
            self._field("axisLabel", axis).text = scan.directions[axis] if scan else ("I", "J", "K")[axis]

    def _field(self, name: str, axis: int):
        return getattr(self._ui, f"{name}{axis}")
