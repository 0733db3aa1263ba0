"""The qMRML widgets the module's ``.ui`` uses, filled from the real MRML scene."""

import slicer
from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtGui import QStandardItem
from PySide6.QtWidgets import QComboBox, QWidget

from .uiloader import CUSTOM_WIDGETS, customWidget

SCENE_EVENTS = (
    slicer.vtkMRMLScene.NodeAddedEvent,
    slicer.vtkMRMLScene.NodeRemovedEvent,
    slicer.vtkMRMLScene.EndCloseEvent,
    slicer.vtkMRMLScene.EndImportEvent,
)


@customWidget
class qMRMLWidget(QWidget):
    mrmlSceneChanged = Signal(object)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._scene = None

    def setMRMLScene(self, scene) -> None:
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


class _NodeBox(QComboBox):
    """What the two node combo boxes share: the list of the scene's nodes of the wanted classes."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.sizeAdjustPolicy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.minimumContentsLength = 12
        self._scene = None
        self._options: dict[str, object] = {"nodeTypes": [], "showChildNodeTypes": True, "noneEnabled": False}
        self._tags: list[tuple[object, int]] = []

    def setMRMLScene(self, scene) -> None:
        self._unobserve()
        self._scene = scene
        for event in SCENE_EVENTS if scene else ():
            self._tags.append((scene, scene.AddObserver(event, lambda *_: self._refresh())))
        self._refresh()

    def mrmlScene(self):
        return self._scene

    def _unobserve(self) -> None:
        for subject, tag in self._tags:
            subject.RemoveObserver(tag)
        self._tags = []

    def deleteLater(self) -> None:
        self._unobserve()
        super().deleteLater()

    def _nodes(self) -> list:
        if self._scene is None:
            return []
        found = []
        for index in range(self._scene.GetNumberOfNodes()):
            node = self._scene.GetNthNode(index)
            if not node.GetHideFromEditors() and self._wanted(node):
                found.append(node)
        return found

    def _wanted(self, node) -> bool:
        match = node.IsA if self._options["showChildNodeTypes"] else node.GetClassName().__eq__
        return any(match(name) for name in self._options["nodeTypes"])


def _option(kind, name: str):
    def write(self, value) -> None:
        self._options[name] = value
        self._refresh()

    return Property(
        kind, lambda self: self._options.get(name, kind() if isinstance(kind, type) else []), write
    )


@customWidget
class qMRMLNodeComboBox(_NodeBox):
    currentNodeChanged = Signal(object)
    nodeAddedByUser = Signal(object)

    nodeTypes = _option("QStringList", "nodeTypes")
    showChildNodeTypes = _option(bool, "showChildNodeTypes")
    noneEnabled = _option(bool, "noneEnabled")

    def _setNoneDisplay(self, text: str) -> None:
        """Slicer's box takes the row for "none" out and puts another one in: if it was chosen, the next row is, the first node."""
        if text == self._options.get("noneDisplay"):
            return
        self._options["noneDisplay"] = text
        nodes = self._nodes()
        if self._options["noneEnabled"] and not self._currentID and nodes:
            self._refresh()
            self._select(nodes[0].GetID())
        else:
            self._refresh()

    noneDisplay = Property(str, lambda self: self._options.get("noneDisplay", "None"), _setNoneDisplay)
    addEnabled = _option(bool, "addEnabled")
    removeEnabled = _option(bool, "removeEnabled")
    renameEnabled = _option(bool, "renameEnabled")
    editEnabled = _option(bool, "editEnabled")
    showHidden = _option(bool, "showHidden")
    selectNodeUponCreation = _option(bool, "selectNodeUponCreation")
    baseName = _option(str, "baseName")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._currentID = ""
        self.activated.connect(self._picked)

    def currentNode(self):
        return self._scene.GetNodeByID(self._currentID) if self._scene and self._currentID else None

    def setCurrentNode(self, node) -> None:
        self._select(node.GetID() if node else "")

    def setCurrentNodeID(self, nodeID: str) -> None:
        self._select(nodeID or "")

    currentNodeID = Property(str, lambda self: self._currentID, setCurrentNodeID)

    def addNode(self):
        """Slicer's "Create new" entry of the list: the new node is chosen before anyone is told that the user added it."""
        node = self._scene.AddNewNodeByClass(
            self._options["nodeTypes"][0], self._options.get("baseName") or ""
        )
        self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def _entries(self) -> list[tuple[str, str]]:
        none = [(self._options.get("noneDisplay") or "None", "")] if self._options["noneEnabled"] else []
        return none + [(node.GetName(), node.GetID()) for node in self._nodes()]

    def _refresh(self) -> None:
        entries = self._entries()
        ids = [nodeID for _, nodeID in entries]
        wanted = self._currentID if self._currentID in ids else (ids[0] if ids else "")
        self.blockSignals(True)
        self.clear()
        for text, nodeID in entries:
            self.addItem(text, nodeID)
        self.currentIndex = ids.index(wanted) if wanted in ids else -1
        self.blockSignals(False)
        self._select(wanted)

    def _picked(self, index: int) -> None:
        self._select(self.itemData(index) or "")

    def _select(self, nodeID: str) -> None:
        self.currentIndex = self.findData(nodeID)
        if nodeID != self._currentID:
            self._currentID = nodeID
            self.currentNodeChanged.emit(self.currentNode())


@customWidget
class qMRMLCheckableNodeComboBox(_NodeBox):
    checkedNodesChanged = Signal()

    nodeTypes = _option("QStringList", "nodeTypes")
    showChildNodeTypes = _option(bool, "showChildNodeTypes")
    noneEnabled = _option(bool, "noneEnabled")
    addEnabled = _option(bool, "addEnabled")
    removeEnabled = _option(bool, "removeEnabled")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.model().itemChanged.connect(lambda *_: self._checkChanged())

    def checkedNodes(self) -> list:
        return [self._scene.GetNodeByID(item.data()) for item in self._items() if self._isChecked(item)]

    def setCheckState(self, node, state) -> None:
        for item in self._items():
            if item.data() == node.GetID():
                item.setCheckState(state)

    def _items(self) -> list[QStandardItem]:
        return [self.model().item(row) for row in range(self.model().rowCount())]

    @staticmethod
    def _isChecked(item: QStandardItem) -> bool:
        return item.checkState() == Qt.CheckState.Checked

    def _refresh(self) -> None:
        checked = {item.data() for item in self._items() if self._isChecked(item)}
        self.model().blockSignals(True)
        self.model().clear()
        for node in self._nodes():
            item = QStandardItem(node.GetName())
            item.setData(node.GetID())
            item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
            item.setCheckState(Qt.CheckState.Checked if node.GetID() in checked else Qt.CheckState.Unchecked)
            self.model().appendRow(item)
        self.model().blockSignals(False)
        self._checkChanged()

    def _checkChanged(self) -> None:
        self.update()
        self.checkedNodesChanged.emit()

    def paintEvent(self, event) -> None:
        from PySide6.QtWidgets import QStyle, QStyleOptionComboBox, QStylePainter

        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = (
            ", ".join(item.text() for item in self._items() if self._isChecked(item)) or "None"
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def install() -> None:
    """Slicer shows its qMRML widgets as ``slicer.qMRML…``."""
    for name, cls in CUSTOM_WIDGETS.items():
        if name.startswith("qMRML"):
            setattr(slicer, name, cls)
