"""qMRMLTableView: a table node as rows and columns, kept up to date."""

import vtk
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QTableView

from .uiloader import customWidget


@customWidget
class qMRMLTableView(QTableView):
    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._node, self._tag = None, None
        self._items = QStandardItemModel(self)
        self.setModel(self._items)
        self.horizontalHeader().defaultAlignment = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter

    def setMRMLTableNode(self, node) -> None:
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._fill())
        self._fill()

    def mrmlTableNode(self):
        return self._node

    def _fill(self) -> None:
        self._items.clear()
        table = self._node.GetTable() if self._node is not None else vtk.vtkTable()
        count = table.GetNumberOfColumns()
        asHeader = self._node is not None and self._node.GetUseColumnTitleAsColumnHeader()
        self._items.setHorizontalHeaderLabels(
            [
                self._title(table.GetColumnName(column)) if asHeader else chr(ord("A") + column)
                for column in range(count)
            ]
        )
        for row in range(table.GetNumberOfRows()):
            self._items.appendRow([self._item(table.GetValue(row, column)) for column in range(count)])

    def _title(self, name: str) -> str:
        """As ``qMRMLTableModel`` does: the name where no title was given."""
        return self._node.GetColumnTitle(name) or name

    def _item(self, value) -> QStandardItem:
        item = QStandardItem(value.ToString())
        item.setEditable(not self._node.GetLocked())
        return item

    def deleteLater(self) -> None:
        self.setMRMLTableNode(None)
        super().deleteLater()
