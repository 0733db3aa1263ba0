"""The spread map: where the samples of a result differ, and whether they do so in a region the user marks."""

from typing import Any

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from mrisr.trust.spread_verdict import high_share, judge_spread

from ..Scene import Marked, Region
from ..Scene.Maps import Trust, dressSpread
from ..Views.Overlay import Overlay
from .PanelState import PanelState

WAIT_MS = 200
"""How long a region must lie still before it is looked at again."""

FIELDS = ("spreadButton", "spreadLegendLabel", "spreadFields")
"""Seen only with a spread map."""


class SpreadPanel(VTKObservationMixin):
    """``changed`` is called when the views were given another overlay."""

    def __init__(self, ui, overlay: Overlay, changed) -> None:
        super().__init__()
        self._ui, self._overlay, self._changed = ui, overlay, changed
        self._trust: Trust | None = None
        self._parameters: Any = None
        self._region, self._looking = None, False
        self._head: np.ndarray = np.empty(0, np.float32)
        self._headOf: tuple | None = None
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._look)
        ui.spreadButton.clicked.connect(self._toggle)
        ui.spreadRegionSelector.nodeAddedByUser.connect(self._regionAdded)
        ui.spreadSegmentComboBox.currentIndexChanged.connect(self._later)

    def show(self, state: PanelState) -> None:
        """Show the spread of a result, if it has one."""
        self._parameters, self._trust = state.parameters, state.trust
        spread = self._spread
        for name in FIELDS:
            getattr(self._ui, name).visible = spread is not None
        self._ui.spreadButton.enabled = spread is not None
        self._ui.spreadInfoLabel.visible = self._trust is not None
        self._ui.spreadInfoLabel.text = self._infoText()
        if spread is not None:
            self._ui.spreadLegendLabel.text = self._legendText()
        self._showMap()
        self._showRegion()

    def forget(self) -> None:
        """The scene closes, or another module is shown."""
        self._timer.stop()
        self.removeObservers()
        self._region, self._parameters, self._trust, self._headOf = None, None, None, None

    @property
    def _spread(self):
        return self._trust.spread if self._trust is not None else None

    @property
    def _brightness(self) -> float:
        """The scan's, which the spread is compared with; 0 without a result."""
        return self._trust.brightness if self._trust is not None else 0.0

    @property
    def _threshold(self) -> float:
        """As a fraction of the brightness."""
        return self._parameters.spreadThreshold / 100

    def _infoText(self) -> str:
        if self._spread is None:
            return _(
                "No spread map: set Repeats under Region, output and advanced to 2 or more and apply again."
            )
        found = judge_spread(self._headValues(), self._brightness, high=self._threshold)
        if not found.voxels or found.highest < 1e-3:
            return found.sentence
        return _(
            "How far the repeats differ in the head (spread): by {median:.1f} % of the brightness as a rule, by more than "
            "{highest:.1f} % in the highest hundredth."
        ).format(median=found.median, highest=found.highest)

    def _legendText(self) -> str:
        share = self._usualShare()
        return _(
            "{percent:.1f} % of the brightness are {value:.3g} in the scan's units. Repeats differ by more in {share:.1f} % of the head."
        ).format(percent=100 * self._threshold, value=self._threshold * self._brightness, share=100 * share)

    def _usualShare(self) -> float:
        """Of the head, that is high."""
        return high_share(self._headValues(), self._brightness, self._threshold)

    def _headValues(self) -> np.ndarray:
        """The spread where the result is not air; gathered once for each map."""
        key = (self._spread.GetID(), self._spread.GetImageData().GetMTime())
        if self._trust is not None and key != self._headOf:
            self._head, self._headOf = Marked.spreadInHead(self._trust), key
        return self._head

    def _showMap(self) -> None:
        shown = self._overlay.shows(self._spread)
        self._ui.spreadButton.checked = shown
        if shown:
            dressSpread(self._spread, self._threshold)

    def _toggle(self, *_arguments) -> None:
        if self._spread is not None and self._ui.spreadButton.checked:
            dressSpread(self._spread, self._threshold)
            self._overlay.show(self._spread)
        else:
            self._overlay.hide(self._spread)
        self._changed()

    def _showRegion(self) -> None:
        region = self._parameters.spreadRegion if self._spread is not None else None
        if region is not self._region:
            self._observe(region)
        segments = Marked.segmentsOf(region)
        self._ui.spreadSegmentLabel.visible = bool(segments)
        self._ui.spreadSegmentComboBox.visible = bool(segments)
        self._fillSegments(segments)
        self._later()

    def _observe(self, region) -> None:
        self.removeObservers()
        self._region = region
        if region is None:
            return
        events = [vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLTransformableNode.TransformModifiedEvent]
        if region.IsA("vtkMRMLSegmentationNode"):
            kinds = slicer.vtkSegmentation
            events += [
                kinds.SegmentAdded,
                kinds.SegmentRemoved,
                kinds.SegmentModified,
                kinds.SourceRepresentationModified,
            ]
        else:
            events += [slicer.vtkMRMLMarkupsNode.PointModifiedEvent]
        for event in events:
            self.addObserver(region, event, self._regionChanged)

    def _regionChanged(self, *_arguments) -> None:
        if not self._looking:
            self._fillSegments(Marked.segmentsOf(self._region))
            self._later()

    def _fillSegments(self, segments: list[tuple[str, str]]) -> None:
        box, names = self._ui.spreadSegmentComboBox, [name for _id, name in segments]
        if [box.itemText(row) for row in range(box.count)] == names:
            return
        chosen = max(0, min(box.currentIndex, len(names) - 1))
        box.clear()
        for name in names:
            box.addItem(name)
        box.currentIndex = chosen if names else -1

    def _later(self, *_arguments) -> None:
        self._timer.start(WAIT_MS)

    def _look(self) -> None:
        """Say whether the spread is high in the region."""
        self._timer.stop()
        label, ready = self._ui.spreadWarningLabel, self._region is not None and self._spread is not None
        label.visible = ready
        if not ready:
            return
        self._looking = True
        try:
            values = Marked.valuesIn(self._region, self._segment, self._spread)
        finally:
            self._looking = False
        found = judge_spread(values, self._brightness, high=self._threshold, usual=self._usualShare())
        label.text = f"⚠ {found.sentence}" if found.warn else found.sentence

    @property
    def _segment(self) -> str:
        segments, row = Marked.segmentsOf(self._region), self._ui.spreadSegmentComboBox.currentIndex
        return segments[row][0] if 0 <= row < len(segments) else ""

    def _regionAdded(self, node) -> None:
        if node.IsA("vtkMRMLMarkupsROINode") and self._spread is not None:
            Region.fitTo(node, self._spread)
            node.CreateDefaultDisplayNodes()
            node.GetDisplayNode().SetFillVisibility(False)  # the map is to be seen inside
            node.GetDisplayNode().SetPropertiesLabelVisibility(False)
