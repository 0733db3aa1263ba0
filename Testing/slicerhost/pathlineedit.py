"""ctkPathLineEdit: a path, typed or chosen, that is told only if its validator accepts it."""

import re

from PySide6.QtCore import Property, QMargins, QRegularExpression, Signal
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QToolButton, QWidget

from .uiloader import customWidget

FILTERS = {
    "Dirs": 0x001, "Files": 0x002, "Drives": 0x004, "NoSymLinks": 0x008, "Readable": 0x010, "Writable": 0x020, "Executable": 0x040,
    "Modified": 0x080, "Hidden": 0x100, "System": 0x200, "AllDirs": 0x400, "CaseSensitive": 0x800, "NoDotAndDotDot": 0x1000}
"""The flags of QDir, which a form names after ctk's class."""

FILTERS["AllEntries"] = FILTERS["Dirs"] | FILTERS["Files"] | FILTERS["Drives"]


@customWidget
class ctkPathLineEdit(QWidget):
    """The filters say which dialog its button opens, and nothing about the path: one that does not exist is accepted.

    A file's name must end in the extensions of the name filters, in their case; only the first part of ``*.nii.gz`` counts, and
    its last letter may be missing. That is what ctk makes of them.
    """

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._line, self._browse = QLineEdit(), QToolButton()
        self._browse.text = "…"
        row = QHBoxLayout(self)
        row.contentsMargins = QMargins()
        row.addWidget(self._line, 1)
        row.addWidget(self._browse)
        self.setFocusProxy(self._line)
        self._filters = FILTERS["AllEntries"] | FILTERS["NoDotAndDotDot"] | FILTERS["Readable"] | FILTERS["Executable"]
        self._valid = False
        self._setNameFilters([])
        self._line.textChanged.connect(self._textChanged)
        self._browse.clicked.connect(self.browse)

    def browse(self) -> None:
        """Open the dialog that the filters ask for: to save, to open, or to choose a folder."""
        names = ";;".join(self._nameFilters)
        if not self._filters & FILTERS["Files"]:
            chosen = QFileDialog.getExistingDirectory(self, "Select a directory...", self._line.text)
        elif self._filters & FILTERS["Writable"]:
            chosen, _ = QFileDialog.getSaveFileName(self, "Select a file to save", self._line.text, names)
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, "Open a file", self._line.text, names)
        if chosen:
            self._line.text = chosen

    def _textChanged(self, text: str) -> None:
        before, self._valid = self._valid, self._line.acceptableInput
        if self._valid:
            self.currentPathChanged.emit(text)
        if self._valid != before:
            self.validInputChanged.emit(self._valid)

    def _setNameFilters(self, filters: list[str]) -> None:
        self._nameFilters = list(filters)
        extensions = [found for entry in self._nameFilters for part in entry.partition("(")[2].rstrip(")").split()
                      if (found := re.search(r"\*\.(\w+)", part))]
        patterns = [rf".*\.{extension[1]}?$" for extension in extensions]
        self._line.setValidator(QRegularExpressionValidator(QRegularExpression(f"({'|'.join(patterns)})" if patterns else ".+"), self))

    def _setFilters(self, filters: int) -> None:
        self._filters = filters

    currentPath = Property(str, lambda self: self._line.text, lambda self, v: setattr(self._line, "text", str(v)))
    nameFilters = Property("QStringList", lambda self: self._nameFilters, _setNameFilters)
    filters = Property(int, lambda self: self._filters, _setFilters)
