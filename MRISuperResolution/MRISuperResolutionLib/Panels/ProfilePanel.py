"""The profile along a Markups line; the plot follows the line."""

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..Scene import ErrorMap
from ..Scene.Profile import Profile
from ..Scene.ScanInfo import ScanInfo
from .PanelState import PanelState

AXES = {"R–L": 0, "A–P": 1, "S–I": 2}


class ProfilePanel(VTKObservationMixin):
    def __init__(self, ui) -> None:
        super().__init__()
        self._ui = ui
        self._state: PanelState | None = None
        self._profile: Profile | None = None
        self._wanted: tuple = ()
        self._layout: int | None = None
        ui.profileLineSelector.nodeAddedByUser.connect(self._lineAdded)
        ui.profileButton.clicked.connect(self._showProfile)
        ui.profileBackButton.clicked.connect(self._back)

    def show(self, state: PanelState) -> None:
        self._state, parameters = state, state.parameters
        volumes = [parameters.examinedScan, parameters.examinedResult]
        drawable = slicer.app.layoutManager() is not None and any(
            volume is not None and volume.GetImageData() for volume in volumes
        )
        ready = drawable and parameters.profileLine is not None
        self._ui.profileButton.enabled = ready
        self._ui.profileBackButton.enabled = self._layout is not None
        self._ui.profileLabel.text = "" if ready else _("Choose a scan or a result above, and a line.")

    def forget(self) -> None:
        """The scene closes."""
        self.removeObservers()
        self._profile, self._layout, self._state, self._wanted = None, None, None, ()

    def _showProfile(self, *_arguments) -> None:
        """A new plot, unless there is one of the same line and volumes; one of others stays in the scene as it is."""
        if self._state is None:
            return
        parameters = self._state.parameters
        result = parameters.examinedResult
        reference = ErrorMap.alignedFor(result, parameters.reference)
        wanted = (parameters.profileLine, parameters.examinedScan, result, reference)
        profile = self._profile
        if profile is None or wanted != self._wanted:
            self.removeObservers()
            profile = self._profile = Profile(*wanted)
            self._wanted = wanted
            self._follow(profile)
        profile.update()
        if self._layout is None:
            self._layout = slicer.app.layoutManager().layout
        slicer.modules.plots.logic().ShowChartInLayout(profile.chart)
        profile.chart.Modified()  # a plot view that has just come up may be empty without
        self.show(self._state)
        self._ui.profileLabel.text = _sentence(profile)

    def _follow(self, profile: Profile) -> None:
        """Watch whatever moves a curve."""
        line = profile.line
        for event in (
            line.PointModifiedEvent,
            line.PointAddedEvent,
            line.PointRemovedEvent,
            line.TransformModifiedEvent,
        ):
            self.addObserver(line, event, self._update)
        for curve in profile.curves:
            for event in (
                vtk.vtkCommand.ModifiedEvent,
                curve.volume.ImageDataModifiedEvent,
                curve.volume.TransformModifiedEvent,
            ):
                self.addObserver(curve.volume, event, self._update)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._nodeRemoved)

    def _update(self, *_arguments) -> None:
        if self._profile is not None:
            self._profile.update()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _nodeRemoved(self, _scene, _event, node) -> None:
        """A plot whose line, volumes or table are gone follows nothing any more."""
        profile = self._profile
        if profile is not None and node in (
            profile.line,
            profile.table,
            *(curve.volume for curve in profile.curves),
        ):
            self.removeObservers()
            self._profile = None

    def _back(self, *_arguments) -> None:
        if self._layout is not None:
            slicer.app.layoutManager().setLayout(self._layout)
            self._layout = None
        if self._state is not None:
            self.show(self._state)

    def _lineAdded(self, line) -> None:
        """A new line goes through the middle of the result, along the direction in which the scan is poor."""
        if self._state is None:
            return
        parameters = self._state.parameters
        volume = parameters.examinedResult or parameters.examinedScan
        if volume is None:
            return
        bounds = np.zeros(6)
        volume.GetRASBounds(bounds)
        low, high = bounds[::2], bounds[1::2]
        ends = np.array([(low + high) / 2, (low + high) / 2])
        axis = _poorAxis(parameters.examinedScan or volume)
        ends[:, axis] = low[axis], high[axis]
        slicer.util.updateMarkupsControlPointsFromArray(line, ends)
        line.CreateDefaultDisplayNodes()


def _sentence(profile: Profile) -> str:
    names = ", ".join(f"{curve.label}: {curve.volume.GetName()}" for curve in profile.curves)
    return _(
        "{names}. The plot follows the line; between voxels the brightness is interpolated (linearly)."
    ).format(names=names)


def _poorAxis(volume) -> int:
    scan = ScanInfo.ofNode(volume)
    return AXES[scan.directions[scan.poorAxis if scan.poorAxis is not None else 0]]
