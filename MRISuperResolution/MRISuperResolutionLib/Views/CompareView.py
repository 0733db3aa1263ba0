"""Input and result side by side in linked slice views, and the way back."""

from dataclasses import dataclass
from enum import Enum

import slicer
import vtk
from slicer.i18n import tr as _

from mrisr.errors import InputError

from ..Scene.Resampled import Swipe
from ..Scene.ScanInfo import ScanInfo

LAYOUT = slicer.vtkMRMLLayoutNode


class CompareMode(Enum):
    Rows = 1
    Columns = 2
    Fade = 3
    Swipe = 4

    def label(self) -> str:
        return {
            CompareMode.Rows: _("Two rows, three directions"),
            CompareMode.Columns: _("Two columns, one direction"),
            CompareMode.Fade: _("Fade from one to the other"),
            CompareMode.Swipe: _("Swipe from left to right"),
        }[self]

    @property
    def revealing(self) -> bool:
        return self in (CompareMode.Fade, CompareMode.Swipe)


ROWS = (("Red", "Red+"), ("Green", "Green+"), ("Yellow", "Yellow+"))


@dataclass(frozen=True)
class Framing:
    """The plane of a slice view, oblique ones included, and the part of it that is seen."""

    orientation: str
    sliceToRAS: vtk.vtkMatrix4x4
    fieldOfView: tuple[float, float, float]
    origin: tuple[float, float, float]

    @classmethod
    def of(cls, node) -> "Framing":
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(node.GetSliceToRAS())
        return cls(node.GetOrientation(), matrix, tuple(node.GetFieldOfView()), tuple(node.GetXYZOrigin()))

    def give(self, node) -> None:
        """The height is put back and the width follows the window, as when Slicer resizes a view."""
        node.GetSliceToRAS().DeepCopy(self.sliceToRAS)
        columns, rows, _slices = node.GetDimensions()
        _width, height, depth = self.fieldOfView
        node.SetFieldOfView(height * columns / max(1, rows), height, depth)
        node.SetXYZOrigin(*self.origin)
        node.UpdateMatrices()


@dataclass(frozen=True)
class ViewState:
    """What is changed in one slice view, to be put back."""

    group: int
    framing: Framing
    background: str | None
    foreground: str | None
    opacity: float
    linked: bool
    hotLinked: bool


class CompareView:
    """Remembers the layout at the first ``show`` and brings it back with ``restore``."""

    def __init__(self) -> None:
        self._layout: int | None = None
        self._views: dict[str, ViewState] = {}
        self._crosshair: tuple[int, int] | None = None
        self._swipe: Swipe | None = None
        self.mode: CompareMode | None = None

    @property
    def shown(self) -> bool:
        return self._layout is not None

    def show(self, before, after, mode: CompareMode) -> None:
        """Show the two volumes; ``reveal`` then moves a fade or swipe.

        :raises mrisr.errors.InputError: a swipe between volumes whose axes are not parallel, or a Slicer without views.
        """
        if slicer.app.layoutManager() is None:
            raise InputError(_("Slicer runs without its window, so that there are no views to compare in."))
        swipe = Swipe(before, after) if mode is CompareMode.Swipe else None
        self._dropSwipe()
        self._swipe = swipe
        self._rememberLayout()
        self.mode = mode
        with slicer.util.RenderBlocker():
            self._putViewsBack()
            if swipe is not None:
                self._showSwipe(swipe)
            else:
                shows = {
                    CompareMode.Rows: self._showRows,
                    CompareMode.Columns: self._showColumns,
                    CompareMode.Fade: self._showFade,
                }
                shows[mode](before, after)
        self._showCrosshair()

    def reveal(self, share: float) -> None:
        """Show ``share`` (0: input only, 1: result only) of the result."""
        if self.mode is CompareMode.Fade:
            for name in self._names():
                _composite(name).SetForegroundOpacity(share)
        elif self._swipe is not None:
            self._swipe.set(share)

    def restore(self) -> None:
        """Bring back the layout and the views as they were before the first ``show``."""
        if not self.shown:
            return
        with slicer.util.RenderBlocker():
            self._unlinkViews()
            slicer.app.layoutManager().setLayout(self._layout)
            for name, state in self._views.items():
                state.framing.give(_sliceNode(name))
            self._putViewsBack()
        self._restoreCrosshair()
        self.forget()

    def forget(self) -> None:
        """Drop what was remembered without touching the views: the scene closes."""
        self._dropSwipe()
        self._layout, self._views, self._crosshair, self.mode = None, {}, None, None

    def _rememberLayout(self) -> None:
        if not self.shown:
            self._layout = slicer.app.layoutManager().layout
            node = _crosshairNode()
            self._crosshair = (node.GetCrosshairMode(), node.GetCrosshairBehavior()) if node else None
        self._rememberViews()

    def _rememberViews(self) -> None:
        """Views that a layout brings up for the first time are remembered as it made them."""
        for name in self._names():
            if name not in self._views:
                self._views[name] = _stateOf(name)

    def _names(self) -> list[str]:
        return list(slicer.app.layoutManager().sliceViewNames())

    def _showRows(self, before, after) -> None:
        self._setLayout(LAYOUT.SlicerLayoutThreeOverThreeView)
        for upper, lower in ROWS:
            _fill(upper, before)
            _fill(lower, after)
            _align(upper, [lower])
        self._link()

    def _showColumns(self, before, after) -> None:
        self._setLayout(LAYOUT.SlicerLayoutSideBySideView)
        plane = ScanInfo.ofNode(before).revealingPlane
        for name, volume in (("Red", before), ("Yellow", after)):
            _fill(name, volume)
            _sliceNode(name).SetOrientation(plane)
        _align("Red", ["Yellow"])
        self._link()

    def _showFade(self, before, after) -> None:
        """Fade and swipe need one picture a direction, so they use the layout that was there before."""
        self._setLayout(self._layout)
        for name in self._names():
            _fill(name, before, after)

    def _showSwipe(self, swipe: Swipe) -> None:
        self._setLayout(self._layout)
        for name in self._names():
            _fill(name, swipe.node)

    def _putViewsBack(self) -> None:
        """From one comparison to the next a view that keeps its direction also keeps its place."""
        self._unlinkViews()
        for name, state in self._views.items():
            _putBack(name, state)

    def _unlinkViews(self) -> None:
        """While a link holds, a view that is changed changes the others."""
        for name in self._views:
            _unlink(name)

    def _setLayout(self, layout: int | None) -> None:
        slicer.app.layoutManager().setLayout(layout)
        self._rememberViews()

    def _link(self) -> None:
        """Slice views follow each other only within a view group, and Slicer puts the second row in another one."""
        for name in self._names():
            _sliceNode(name).SetViewGroup(0)
            _composite(name).SetLinkedControl(True)
            _composite(name).SetHotLinkedControl(True)

    def _showCrosshair(self) -> None:
        node = _crosshairNode()
        if node is not None:
            node.SetCrosshairMode(slicer.vtkMRMLCrosshairNode.ShowBasic)
            node.SetCrosshairBehavior(slicer.vtkMRMLCrosshairNode.OffsetJumpSlice)

    def _restoreCrosshair(self) -> None:
        node = _crosshairNode()
        if node is not None and self._crosshair is not None:
            node.SetCrosshairMode(self._crosshair[0])
            node.SetCrosshairBehavior(self._crosshair[1])

    def _dropSwipe(self) -> None:
        if self._swipe is not None:
            slicer.mrmlScene.RemoveNode(self._swipe.node)
            self._swipe = None


def _widget(name: str):
    return slicer.app.layoutManager().sliceWidget(name)


def _sliceNode(name: str):
    return _widget(name).mrmlSliceNode()


def _composite(name: str):
    return _widget(name).mrmlSliceCompositeNode()


def _crosshairNode():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")


def _stateOf(name: str) -> ViewState:
    node, composite = _sliceNode(name), _composite(name)
    return ViewState(
        node.GetViewGroup(),
        Framing.of(node),
        composite.GetBackgroundVolumeID(),
        composite.GetForegroundVolumeID(),
        composite.GetForegroundOpacity(),
        composite.GetLinkedControl(),
        composite.GetHotLinkedControl(),
    )


def _putBack(name: str, state: ViewState) -> None:
    node, composite = _sliceNode(name), _composite(name)
    node.SetViewGroup(state.group)
    if node.GetOrientation() != state.framing.orientation:
        state.framing.give(node)
    composite.SetBackgroundVolumeID(state.background)
    composite.SetForegroundVolumeID(state.foreground)
    composite.SetForegroundOpacity(state.opacity)
    composite.SetLinkedControl(state.linked)
    composite.SetHotLinkedControl(state.hotLinked)


def _unlink(name: str) -> None:
    _composite(name).SetLinkedControl(False)
    _composite(name).SetHotLinkedControl(False)


def _fill(name: str, background, foreground=None) -> None:
    """Put the volumes in a view that is not linked while it is filled, so that no other view takes them over."""
    _unlink(name)
    composite = _composite(name)
    composite.SetBackgroundVolumeID(background.GetID())
    composite.SetForegroundVolumeID(foreground.GetID() if foreground else None)
    composite.SetForegroundOpacity(0.5 if foreground else 0.0)


def _align(name: str, followers: list[str]) -> None:
    """Fit a view to its volume and give the followers the same plane and field of view."""
    _widget(name).sliceLogic().FitSliceToBackground()
    leader = _sliceNode(name)
    for follower in followers:
        node = _sliceNode(follower)
        node.GetSliceToRAS().DeepCopy(leader.GetSliceToRAS())
        node.SetFieldOfView(*leader.GetFieldOfView())
        node.UpdateMatrices()
