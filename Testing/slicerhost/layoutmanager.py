"""The layout manager: Slicer's own layout logic and slice views (rendered off screen), behind Slicer's Python names."""

import slicer
import vtk
from PySide6.QtCore import Property, QObject, Signal
from trame_slicer.views import DirectViewFactory, ViewLayoutDefinition

LAYOUT = slicer.vtkMRMLLayoutNode
SIZE = (900, 720)
BAR = 18
GAP = 3
# Views in rows (None: the 3D view); Slicer's layout XML holds the same arrangement.
ROWS = {
    LAYOUT.SlicerLayoutConventionalView: [["Red", None], ["Green", "Yellow"]],
    LAYOUT.SlicerLayoutFourUpView: [["Red", None], ["Green", "Yellow"]],
    LAYOUT.SlicerLayoutFourUpPlotView: [["Red", "PlotView1"], ["Green", "Yellow"]],
    LAYOUT.SlicerLayoutConventionalPlotView: [["Red", "PlotView1"], ["Green", "Yellow"]],
    LAYOUT.SlicerLayoutSideBySideView: [["Red", "Yellow"]],
    LAYOUT.SlicerLayoutThreeOverThreeView: [["Red", "Green", "Yellow"], ["Red+", "Green+", "Yellow+"]],
}


class SliceWidget:
    """qMRMLSliceWidget over one trame-slicer slice view."""

    def __init__(self, view) -> None:
        self.view = view

    def sliceLogic(self):
        return self.view._logic

    def mrmlSliceNode(self):
        return self.view.get_view_node()

    def mrmlSliceCompositeNode(self):
        return self.sliceLogic().GetSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self.sliceLogic().FitSliceToBackground()


class LayoutManager(QObject):
    layoutChanged = Signal(int)

    def __init__(self, slicerApp) -> None:
        super().__init__()
        self._app = slicerApp
        self._factory = DirectViewFactory(do_render_offscreen=True)
        slicerApp.view_manager.register_factory(self._factory)
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(slicerApp.scene)
        self._widgets: dict[str, SliceWidget] = {}
        self._arranged: int | None = None
        self._logic.GetLayoutNode().AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._arrange())
        self.setLayout(LAYOUT.SlicerLayoutFourUpView)

    def layoutLogic(self):
        return self._logic

    def _layout(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    def setLayout(self, layout: int) -> None:
        self._arranged = None
        self._logic.GetLayoutNode().SetViewArrangement(layout)
        self._arrange()

    def _arrange(self) -> None:
        """Also called when a module's logic changes the layout node."""
        layout = self._layout()
        if layout == self._arranged:
            return
        self._arranged = layout
        for node in self._sliceNodes():
            if node.GetName() not in self._widgets:
                self._widgets[node.GetName()] = SliceWidget(self._createView(node))
        for name, (_, _, width, height) in self.boxes().items():
            self._resize(name, width, height - BAR)
        self.layoutChanged.emit(layout)

    def boxes(self) -> dict[str | None, tuple[int, int, int, int]]:
        """Where each view of the current layout is, with its bar: x, y, width, height within SIZE."""
        rows = ROWS.get(self._layout(), [self.sliceViewNames()])
        height = SIZE[1] // len(rows)
        return {
            name: (column * (SIZE[0] // len(names)), line * height, SIZE[0] // len(names) - GAP, height - GAP)
            for line, names in enumerate(rows)
            for column, name in enumerate(names)
        }

    def _resize(self, name: str | None, width: int, height: int) -> None:
        """As the desktop application does when a view gets its place."""
        if name in self._widgets:
            self._widgets[name].view.render_window().SetSize(width, height)
            self._widgets[name].sliceLogic().ResizeSliceNode(width, height)

    layout = Property(int, _layout, setLayout)

    def _sliceNodes(self) -> list:
        views = self._logic.GetViewNodes()
        nodes = [views.GetItemAsObject(index) for index in range(views.GetNumberOfItems())]
        return [node for node in nodes if node.IsA("vtkMRMLSliceNode")]

    def _createView(self, node):
        """The view takes over the node that the layout logic made; its own set-up would reset group and direction."""
        group, orientation = node.GetViewGroup(), node.GetOrientation()
        definition = ViewLayoutDefinition.slice_view(orientation, label=node.GetName())
        view = self._app.view_manager.create_view(definition)
        view._logic.SetSliceNode(node)
        view.set_view_node(node)
        view.set_render_blocked(True)  # drawn only when a picture is taken
        node.SetViewGroup(group)
        node.SetOrientation(orientation)
        return view

    def sliceViewNames(self) -> list[str]:
        return [node.GetName() for node in self._sliceNodes()]

    def sliceWidget(self, name: str) -> SliceWidget | None:
        return self._widgets.get(name)

    def mrmlSliceLogics(self):
        logics = vtk.vtkCollection()
        for name in self.sliceViewNames():
            logics.AddItem(self._widgets[name].sliceLogic())
        return logics

    def resetSliceViews(self) -> None:
        for name in self.sliceViewNames():
            self._widgets[name].view.fit_view_to_content()
