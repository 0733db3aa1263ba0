"""The layout manager: Slicer's own layout logic and slice views (rendered off screen), behind Slicer's Python names."""

import slicer
import vtk
from PySide6.QtCore import QObject, Property, Signal
from trame_slicer.views import DirectViewFactory, ViewLayoutDefinition

LAYOUT = slicer.vtkMRMLLayoutNode
SIZE = (300, 300)
# Views in rows, for pictures; Slicer's layout XML holds the same arrangement.
ROWS = {
    LAYOUT.SlicerLayoutConventionalView: [["Red"], ["Yellow", "Green"]],
    LAYOUT.SlicerLayoutFourUpView: [["Red", "Yellow"], ["Green"]],
    LAYOUT.SlicerLayoutSideBySideView: [["Red", "Yellow"]],
    LAYOUT.SlicerLayoutThreeOverThreeView: [["Red", "Green", "Yellow"], ["Red+", "Green+", "Yellow+"]],
}


COLORS = {"Red": (0.953, 0.290, 0.200), "Yellow": (0.929, 0.835, 0.298), "Green": (0.431, 0.690, 0.294)}


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
        self.setLayout(LAYOUT.SlicerLayoutFourUpView)

    def layoutLogic(self):
        return self._logic

    def _layout(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    def setLayout(self, layout: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(layout)
        for node in self._sliceNodes():
            if node.GetName() not in self._widgets:
                self._widgets[node.GetName()] = SliceWidget(self._createView(node))
        self.layoutChanged.emit(layout)

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
        node.SetViewGroup(group)
        node.SetOrientation(orientation)
        node.SetLayoutColor(*COLORS.get(node.GetName().rstrip("+"), (0.5, 0.5, 0.5)))
        view.render_window().SetSize(*SIZE)
        view.update_size(*SIZE)
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

    def rows(self) -> list[list[str]]:
        """View names of the current layout, row by row."""
        return ROWS.get(self._layout(), [self.sliceViewNames()])

    def resetSliceViews(self) -> None:
        for name in self.sliceViewNames():
            self._widgets[name].view.fit_view_to_content()
