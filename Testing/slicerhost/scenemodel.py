"""The rows of a node selector: "None" and the like, the scene's nodes, then "Create new …" and the like.

qMRMLSceneModel and its filter in one. Rows come and go one by one and never all at once, because Qt's combo box chooses another
row for each that disappears: which one a selector then shows, and what it tells, is Qt's own doing here as it is in Slicer.
"""

from collections.abc import Callable

import slicer
import vtk
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel

UID = Qt.ItemDataRole.UserRole + 1
PRE, POST = "preItem", "postItem"


class SceneModel(QStandardItemModel):
    """Rows that follow a scene.

    :param accepts: whether a node belongs into the list.
    :param flags: of a node's row.
    """

    def __init__(self, parent, accepts: Callable[[object], bool], flags: Qt.ItemFlag) -> None:
        super().__init__(parent)
        self.scene = None
        self.extras: dict[str, list[str]] = {PRE: [], POST: []}
        self._accepts, self._nodeFlags = accepts, flags
        self._sceneTags: list[int] = []
        self._nodeTags: dict[str, tuple[object, int]] = {}

    def setScene(self, scene) -> None:
        for tag in self._sceneTags:
            self.scene.RemoveObserver(tag)
        self._sceneTags = []
        self.scene = scene
        if scene is not None:
            event = slicer.vtkMRMLScene
            handlers = {event.NodeAddedEvent: self._added, event.NodeAboutToBeRemovedEvent: self._removed,
                        event.EndCloseEvent: self.populate, event.EndImportEvent: self.populate}
            self._sceneTags = [scene.AddObserver(number, handler) for number, handler in handlers.items()]
        self.populate()

    def setExtras(self, kind: str, texts: list[str]) -> None:
        """Replace the rows before or after the nodes; without a scene there are none."""
        if self.scene is None or texts == self.extras[kind]:
            return
        for row in reversed([row for row in range(self.rowCount()) if self.uid(row) == kind]):
            self.removeRow(row)
        self.extras[kind] = []
        for position, text in enumerate(texts):
            selectable = Qt.ItemFlag.ItemIsSelectable if kind == PRE else Qt.ItemFlag.NoItemFlags
            row = position if kind == PRE else self.rowCount()
            self.insertRow(row, self._item(text, kind, Qt.ItemFlag.ItemIsEnabled | selectable))
            self.extras[kind].append(text)

    def uid(self, row: int) -> str:
        """A node's ID, or the kind of an extra row; empty if there is no such row."""
        return self.item(row).data(UID) if 0 <= row < self.rowCount() else ""

    def row(self, nodeID: str) -> int:
        """The row of a node; −1 if it is not listed."""
        return next((row for row in range(self.rowCount()) if nodeID and self.uid(row) == nodeID), -1)

    def node(self, row: int):
        """The node of a row, None if it has none or the scene has lost it."""
        uid = self.uid(row)
        return self.scene.GetNodeByID(uid) if self.scene is not None and uid not in ("", PRE, POST) else None

    def nodeCount(self) -> int:
        return self.rowCount() - len(self.extras[PRE]) - len(self.extras[POST])

    def populate(self, *_) -> None:
        """Take all nodes out and put them in again, as Slicer does when a scene was closed or imported."""
        first, count = len(self.extras[PRE]), self.nodeCount()
        if count:
            self.removeRows(first, count)
        for nodeID in list(self._nodeTags):
            self._forget(nodeID)
        for node in self._nodes():
            self._insert(node)

    def filterAgain(self) -> None:
        """Take out what no longer belongs here, then put in what now does."""
        for row in reversed(range(self.rowCount())):
            node = self.node(row)
            if node is not None and not self._accepts(node):
                self._forget(self.uid(row))
                self.removeRow(row)
        for node in self._nodes():
            if self.row(node.GetID()) < 0:
                self._insert(node)

    def _nodes(self) -> list:
        scene = self.scene
        nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())] if scene is not None else []
        return [node for node in nodes if self._accepts(node)]

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _added(self, scene, _event, node) -> None:
        """Nodes of a scene that is being imported wait for its end: their IDs may still change."""
        if not scene.IsImporting() and self._accepts(node):
            self._insert(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _removed(self, scene, _event, node) -> None:
        if scene.IsClosing():
            return
        self._forget(node.GetID())
        row = self.row(node.GetID())
        if row >= 0:
            self.removeRow(row)

    def _insert(self, node) -> None:
        """In the order of the scene."""
        nodes = self._nodes()
        before = {other.GetID() for other in nodes[:nodes.index(node)]}
        row = len(self.extras[PRE]) + sum(self.uid(row) in before for row in range(self.rowCount()))
        self.insertRow(row, self._item(node.GetName(), node.GetID(), self._nodeFlags))
        self._nodeTags[node.GetID()] = (node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._modified))

    def _forget(self, nodeID: str) -> None:
        if nodeID in self._nodeTags:
            node, tag = self._nodeTags.pop(nodeID)
            node.RemoveObserver(tag)

    def _modified(self, node, _event) -> None:
        """Only listed nodes are watched: one that stops being hidden comes in with the next that is added or filtered."""
        if self.scene is None or self.scene.IsClosing() or self.scene.IsImporting():
            return
        row = self.row(node.GetID())
        if row < 0:
            return
        if self.item(row).text() != node.GetName():
            self.item(row).setText(node.GetName())
        if not self._accepts(node):
            self._forget(node.GetID())
            self.removeRow(row)

    def _item(self, text: str, uid: str, flags: Qt.ItemFlag) -> QStandardItem:
        item = QStandardItem(text)
        item.setData(uid, UID)
        item.setFlags(flags)
        if flags & Qt.ItemFlag.ItemIsUserCheckable:
            item.setCheckState(Qt.CheckState.Unchecked)
        return item
