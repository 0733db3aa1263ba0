"""The ``qt`` module of Slicer: every public Qt name in one flat namespace."""

from types import ModuleType

from PySide6 import QtCore, QtGui, QtWidgets

from .uiloader import UiLoader


def build() -> ModuleType:
    module = ModuleType("qt")
    for source in (QtCore, QtGui, QtWidgets):
        # dir, not vars: PySide6 makes its classes when they are first asked for.
        module.__dict__.update({name: getattr(source, name) for name in dir(source) if name.startswith("Q")})
    module.QUiLoader = UiLoader
    # PythonQt shows QObject's objectName as ``name`` too; slicer.util.childWidgetVariables counts on it.
    QtCore.QObject.name = property(lambda self: self.objectName)
    return module
