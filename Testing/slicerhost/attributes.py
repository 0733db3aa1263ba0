"""PythonQt's rule for attributes: on a C++ object one can set its properties, and nothing else.

PySide6 would keep any other name as an attribute of the Python object, so that a misspelled property goes unnoticed. Read in
PythonQtInstanceWrapper_setattro of PythonQtInstanceWrapper.cpp, which makes an AttributeError of it. What Python code derives
from a Qt class may have attributes there as here; the stand-in's own widgets are C++ classes in Slicer.
"""

import ctypes
import sys

from PySide6 import QtCore, QtGui, QtWidgets

STANDIN = __package__
ALIASES = ("name",)
"""PythonQt's further names of properties."""


def refuseUnknown() -> None:
    """Make all Qt classes refuse what PythonQt refuses."""
    found = []
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            cls = getattr(module, name)
            if isinstance(cls, type) and issubclass(cls, (QtCore.QObject, QtWidgets.QTreeWidgetItem, QtWidgets.QTableWidgetItem)):
                found.append((cls, _refusing(cls)))
    for cls, setAttribute in found:  # afterwards, because a class hands what it has down to the ones below
        cls.__setattr__ = setAttribute


SETATTRO = 19 * ctypes.sizeof(ctypes.c_void_p)
"""Where a type object keeps its ``tp_setattro``."""


def _refusing(cls: type):
    """The check before the class's own way to set an attribute, which Python lets no one call once it is replaced."""
    prototype = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.py_object, ctypes.py_object)
    write = prototype(ctypes.c_void_p.from_address(id(cls) + SETATTRO).value)

    def setAttribute(self, name: str, value) -> None:
        if not isinstance(value, QtCore.SignalInstance) and not _mayBeSet(self, name):  # PySide6 keeps a connected signal so
            raise AttributeError(
                f"'{name}' does not exist on {type(self).__name__} and creating new attributes on C++ objects is not allowed")
        write(self, name, value)

    return setAttribute


def _mayBeSet(thing, name: str) -> bool:
    if _isDerived(type(thing)) or _fromTheStandIn():
        return True
    if not isinstance(thing, QtCore.QObject):
        return False
    if name in ALIASES or name.encode() in [bytes(dynamic) for dynamic in thing.dynamicPropertyNames()]:
        return True
    index = thing.metaObject().indexOfProperty(name)
    return index >= 0 and thing.metaObject().property(index).isWritable()


def _isDerived(cls: type) -> bool:
    """Whether Python code made the class, other than the stand-in's."""
    return not cls.__module__.startswith((STANDIN, "PySide6"))


def _fromTheStandIn() -> bool:
    """Whether the assignment stands in the stand-in's own code."""
    frame = sys._getframe(3)
    return frame.f_globals.get("__name__", "").startswith(STANDIN)
