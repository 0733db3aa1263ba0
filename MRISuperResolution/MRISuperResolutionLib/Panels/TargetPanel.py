"""The Target section: how fine the result is to be, and which part of the scan."""

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from mrisr.image.grid import Grid

from ..Jobs.Plan import Plan
from ..Jobs.Settings import targetOf
from ..Scene import Refusals, Region, VolumeBridge
from ..Scene.ParameterNode import Making, TargetMode
from ..Scene.Region import Box
from ..Scene.ScanInfo import ScanInfo
from .AcquisitionPanel import AcquisitionPanel

WAIT_MS = 200
"""How long the region and the scan must lie still before the plan is made again."""


class TargetPanel(VTKObservationMixin):
    """Shows the fields that the chosen mode needs, and makes the plan of the run.

    :param moved: called when the region has changed, or the scan has been moved.
    """

    def __init__(self, ui, moved) -> None:
        super().__init__()
        self._ui, self._moved = ui, moved
        self._watched: tuple = (None, None)
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._tell)
        self._acquisition = AcquisitionPanel(ui)
        self.plan: Plan | None = None
        self.region: Box | None = None
        self.refusal = ""

    @property
    def statement(self) -> str | None:
        """How the scan was made, as the engine reads it."""
        return self._acquisition.statement

    def suggest(self, parameters, scan: ScanInfo) -> None:
        """A sensible start for a newly chosen scan: what makes it isotropic, or twice as fine if it is; a lone slice stays one."""
        self._acquisition.suggest(parameters, scan)
        parameters.targetMode = TargetMode.Factor if scan.isotropic else TargetMode.Isotropic
        for axis in range(3):
            setattr(parameters, f"factor{axis}", 2.0 if scan.shape[axis] > 1 else 1.0)
            setattr(parameters, f"spacing{axis}", min(20.0, max(0.1, round(min(scan.spacing), 2))))

    def show(self, parameters, scan: ScanInfo | None, card) -> None:
        self._watch(parameters.region, parameters.inputVolume)
        if self._acquisition.show(parameters, scan) and scan is not None:
            self._suit(parameters, scan)
        self._showAxes(parameters.targetMode, scan)
        self._makePlan(parameters, scan, card)
        self._ui.targetInfoLabel.text = self.plan.text(card) if self.plan else ""

    def forget(self) -> None:
        """Another module is shown, or the scene closes: nothing is watched any more."""
        self._timer.stop()
        self.removeObservers()
        self._acquisition.forget()
        self._watched = (None, None)

    def _suit(self, parameters, scan: ScanInfo) -> None:
        """Something else is stated: what the scan lost on its own voxels is restored there."""
        if Making[parameters.making.name].keepsVoxels:
            parameters.targetMode = TargetMode.Keep
        elif parameters.targetMode is TargetMode.Keep:
            parameters.targetMode = TargetMode.Factor if scan.isotropic else TargetMode.Isotropic

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

    def _makePlan(self, parameters, scan: ScanInfo | None, card) -> None:
        self.plan, self.region, self.refusal = None, None, self._acquisition.refusal
        if scan is None or self.refusal:
            return
        if parameters.region is not None:
            self.region = Region.boxOf(parameters.region, parameters.inputVolume)
            self.refusal = Refusals.ofRegion(parameters.region, self.region, scan)
        if not self.refusal:
            self.plan = Plan.of(self._source(parameters.inputVolume), targetOf(parameters), self._acquisition.statement, card)
            self.refusal = self.plan.refusal

    def _source(self, node) -> Grid:
        grid = VolumeBridge.gridOf(node)
        return grid if self.region is None else grid.cropped(*self.region)

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
