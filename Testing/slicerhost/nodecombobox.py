"""qMRMLNodeComboBox and qMRMLCheckableNodeComboBox: what they list, choose and tell, as in Slicer."""

import slicer
from PySide6.QtCore import Property, QMargins, Qt, Signal, qWarning
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from .scenemodel import POST, PRE, SceneModel
from .uiloader import customWidget

ACTIONS = {"renameEnabled": "Rename current", "editEnabled": "Edit current", "addEnabled": "Create new", "removeEnabled": "Delete current"}
"""The rows after the nodes, in their order."""


def _option(kind, name: str, changed: str):
    """A property whose change calls a method."""

    def write(self, value) -> None:
        value = list(value) if kind == "QStringList" else value
        if value != self._options[name]:
            self._options[name] = value
            getattr(self, changed)()

    return Property(kind, lambda self: self._options[name], write)


@customWidget
class qMRMLNodeComboBox(QWidget):
    """A frame with a combo box in it, disabled until it has a scene."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAddedByUser = Signal(object)

    FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._options: dict[str, object] = {
            "nodeTypes": [], "hideChildNodeTypes": [], "showChildNodeTypes": True, "showHidden": False, "noneEnabled": False,
            "noneDisplay": "None", "selectNodeUponCreation": True, "addEnabled": True, "removeEnabled": True, "editEnabled": False,
            "renameEnabled": False}
        self._baseNames: dict[str, str] = {}
        self._requested = ""
        self._switching = False
        self._model = SceneModel(self, self._wanted, self.FLAGS)
        self._combo = self._makeCombo()
        self._combo.sizeAdjustPolicy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self._combo.minimumContentsLength = 12
        self._combo.setModel(self._model)
        row = QHBoxLayout(self)
        row.contentsMargins = QMargins()
        row.addWidget(self._combo)
        self.sizePolicy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed, QSizePolicy.ControlType.ComboBox)
        self._combo.currentIndexChanged.connect(self._emitCurrentNodeChanged)
        self._combo.activated.connect(self._emitNodeActivated)
        for signal in (self._model.rowsRemoved, self._model.modelReset):
            signal.connect(lambda *_: self._refreshIfCurrentNodeHidden())
        self._model.dataChanged.connect(self._textChanged)
        self.enabled = False

    def _makeCombo(self) -> QComboBox:
        return QComboBox(self)

    nodeTypes = _option("QStringList", "nodeTypes", "_typesChanged")
    hideChildNodeTypes = _option("QStringList", "hideChildNodeTypes", "_filterChanged")
    showChildNodeTypes = _option(bool, "showChildNodeTypes", "_filterChanged")
    showHidden = _option(bool, "showHidden", "_filterChanged")
    noneEnabled = _option(bool, "noneEnabled", "_updateNone")
    noneDisplay = _option(str, "noneDisplay", "_updateNone")
    addEnabled = _option(bool, "addEnabled", "_updateActions")
    removeEnabled = _option(bool, "removeEnabled", "_updateActions")
    editEnabled = _option(bool, "editEnabled", "_updateActions")
    renameEnabled = _option(bool, "renameEnabled", "_updateActions")
    selectNodeUponCreation = _option(bool, "selectNodeUponCreation", "update")

    def _getBaseName(self) -> str:
        return self._baseNames.get(next(iter(self.nodeTypes), ""), "")

    def _setBaseName(self, name: str) -> None:
        """It is of the node types of this moment: others that come later have none."""
        if not self.nodeTypes:
            qWarning("qMRMLNodeComboBox::setBaseName failed: no node types have been set yet")
        self._baseNames.update(dict.fromkeys(self.nodeTypes, name))

    baseName = Property(str, _getBaseName, _setBaseName)

    def mrmlScene(self):
        return self._model.scene

    def setMRMLScene(self, scene) -> None:
        """A selector that gets a scene tells what it chooses and is enabled, whatever the ``.ui`` file says."""
        if scene is self._model.scene:
            return
        before, hadNodes = self.currentNodeID, self.nodeCount() > 0
        self._switching = True
        self._model.setScene(scene)
        self._updateNone()
        self._updateActions()
        first = self._model.node(0)
        self.setCurrentNodeID(before if hadNodes else self._requested or (first.GetID() if first is not None else ""))
        self._switching, self._requested = False, ""
        if scene is not None:
            self._emitCurrentNodeChanged()
        self.enabled = scene is not None

    def nodeCount(self) -> int:
        return self._model.nodeCount()

    def nodeFromIndex(self, index: int):
        return self._model.node(index + len(self._model.extras[PRE]))

    def nodes(self) -> list:
        return [self.nodeFromIndex(index) for index in range(self.nodeCount())]

    def currentNode(self):
        return self._model.node(self._combo.currentIndex)

    def setCurrentNode(self, node) -> None:
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, nodeID: str) -> None:
        """A node that is not listed counts as none, and that is told."""
        if self._model.scene is None:
            self._requested = nodeID
        row = self._model.row(nodeID)
        self._combo.currentIndex = row if row >= 0 else self._noneIndex()

    currentNodeID = Property(str, lambda self: node.GetID() if (node := self.currentNode()) is not None else "", setCurrentNodeID)

    def addNode(self, nodeType: str | None = None):
        """Make a node of the first type, or of one of the types; None if there is no such type."""
        nodeType = nodeType or next(iter(self.nodeTypes), "")
        if nodeType not in self.nodeTypes:
            return None
        node = self._created(nodeType)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def chooseCreateNew(self, nodeType: str | None = None):
        """The user's click on "Create new …": Slicer 5.10 tells of it twice."""
        node = self.addNode(nodeType)
        if node is not None:
            self.setCurrentNode(node)
            if slicer.app.minorVersion < 12:
                self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        self._model.scene.RemoveNode(self.currentNode())

    def _created(self, nodeType: str):
        scene = self._model.scene
        node = scene.CreateNodeByClass(nodeType)
        node.UnRegister(None)
        name = self._baseNames.get(nodeType, "") or ("" if node.GetName() else node.GetDefaultNodeNamePrefix())
        if name:
            node.SetName(scene.GetUniqueNameByString(name))
        return scene.AddNode(node)

    def _wanted(self, node) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        return not self.nodeTypes or any(self._isOf(node, nodeType) for nodeType in self.nodeTypes)

    def _isOf(self, node, nodeType: str) -> bool:
        if not self.showChildNodeTypes:
            return node.GetClassName() == nodeType
        return node.IsA(nodeType) and not any(map(node.IsA, self.hideChildNodeTypes))

    def _noneIndex(self) -> int:
        return 0 if self.noneEnabled else -1

    def _filterChanged(self) -> None:
        self._model.filterAgain()

    def _typesChanged(self) -> None:
        self._options["nodeTypes"] = [nodeType for nodeType in self.nodeTypes if nodeType]
        self._filterChanged()
        self._updateActions()

    def _updateNone(self) -> None:
        """The row is taken out and put in again: if it was chosen, the combo box goes to the row after it."""
        self._model.setExtras(PRE, [self.noneDisplay] if self.noneEnabled else [])

    def _updateActions(self) -> None:
        texts = []
        for option, text in ACTIONS.items():
            if self._options[option]:
                texts += [f"{text} {nodeType}" for nodeType in self.nodeTypes] if option == "addEnabled" else [text]
        before = self._combo.currentIndex
        self._model.setExtras(POST, ["separator", *texts] if texts else [])
        self._combo.currentIndex = before

    def _emitCurrentNodeChanged(self, *_) -> None:
        """Where no node is chosen but neither is "none", the last node is."""
        if self._switching:
            return
        node = self.currentNode()
        if node is None and self._combo.currentIndex != self._noneIndex():
            last = self.nodeFromIndex(self.nodeCount() - 1)
            if last is not None:
                self.setCurrentNode(last)
            return
        self.currentNodeChanged.emit(node)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    def _emitNodeActivated(self, row: int) -> None:
        if self._model.node(row) is not None or (self.noneEnabled and row == 0):
            self.nodeActivated.emit(self._model.node(row))

    def _textChanged(self, first, last) -> None:
        """Slicer 5.12 listens to the text of the chosen row, so that a new name of its node tells of the node again."""
        if slicer.app.minorVersion >= 12 and first.row() <= self._combo.currentIndex <= last.row():
            self._emitCurrentNodeChanged()

    def _refreshIfCurrentNodeHidden(self) -> None:
        if self.currentNode() is None:
            self.setCurrentNode(None)

    def deleteLater(self) -> None:
        self._model.setScene(None)
        super().deleteLater()


class _CheckableCombo(QComboBox):
    """ctkCheckableComboBox: its text is what is checked."""

    def paintEvent(self, event) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        items = [self.model().item(row) for row in range(self.model().rowCount())]
        option.currentText = ", ".join(item.text() for item in items if item.checkState() == Qt.CheckState.Checked) or "None"
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


@customWidget
class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """Tells of checks that change; that a checked node has gone it tells with the next change only."""

    checkedNodesChanged = Signal()

    FLAGS = qMRMLNodeComboBox.FLAGS | Qt.ItemFlag.ItemIsUserCheckable

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._told: list[str] = []
        for option in ACTIONS:
            setattr(self, option, False)
        self._model.dataChanged.connect(lambda *_: self._checkChanged())
        self._model.rowsInserted.connect(lambda *_: self._checkChanged())

    def _makeCombo(self) -> QComboBox:
        return _CheckableCombo(self)

    def checkedNodes(self) -> list:
        return [self._model.node(row) for nodeID in self._told if (row := self._model.row(nodeID)) >= 0]

    def uncheckedNodes(self) -> list:
        return [node for node in self.nodes() if node not in self.checkedNodes()]

    def setCheckState(self, node, state) -> None:
        row = self._model.row(node.GetID())
        if row >= 0:
            self._model.item(row).setCheckState(state)

    def checkState(self, node):
        row = self._model.row(node.GetID())
        return self._model.item(row).checkState() if row >= 0 else Qt.CheckState.Unchecked

    def _checkChanged(self) -> None:
        rows = range(self._model.rowCount())
        checked = [self._model.uid(row) for row in rows if self._model.item(row).checkState() == Qt.CheckState.Checked]
        if checked != self._told:
            self._told = checked
            self._combo.update()
            self.checkedNodesChanged.emit()
