"""PySide6's ``true_property`` feature, switched on for the modules that speak PythonQt.

With it ``button.enabled = False`` works as in Slicer, and ``button.setEnabled`` style setters of properties disappear,
so that code which passes here uses the subset that PythonQt and PySide6 share. The stand-in itself is written so, too.
"""

import ctypes
import sys
from pathlib import Path

from PySide6.support import feature

TRUE_PROPERTY = 0x02


def speakPythonQt(*moduleNames: str) -> None:
    for name in moduleNames:
        feature.set_selection(TRUE_PROPERTY, name)


def keepSingletonsAlive() -> None:
    """Assigning a true property takes one reference too many from None, disconnecting from True (seen in PySide6 6.12).

    Since Python 3.12 they cannot die; before, they would after some thousand times, and Python with them.
    """
    if sys.version_info < (3, 12):
        for singleton in (None, True, False):
            ctypes.c_ssize_t.from_address(id(singleton)).value += 1 << 40


def moduleNamesUnder(folder: Path) -> list[str]:
    """Dotted names of every Python file below ``folder``, as Slicer would import them with ``folder`` on sys.path."""
    files = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py"))
    return [".".join(path.parts[:-1] if path.name == "__init__" else path.parts) for path in files]
