"""A thin stand-in for the Slicer desktop application, for tests that load the module's own files unchanged.

The MRML scene, the volume nodes, their storage, ``slicer.util`` and the slice views are Slicer's own (slicer-core and
trame-slicer). This package supplies what only the desktop application has: ``qt`` and ``ctk`` on PySide6, the qMRML
widgets named in the ``.ui`` file, ``ScriptedLoadableModule``, ``parameterNodeWrapper``, ``i18n``, the layout manager.
It holds no logic of the module, and nothing outside ``Testing/`` imports it.
"""

from pathlib import Path

from .features import keepSingletonsAlive, moduleNamesUnder, speakPythonQt

# All code in the process speaks the same dialect: PySide6 can mix up methods of a class that both dialects use by turns.
keepSingletonsAlive()
speakPythonQt(*(f"{__name__}.{name}" for name in moduleNamesUnder(Path(__file__).parent) if name))

from .host import Host, start  # noqa: E402

__all__ = ["Host", "start"]
