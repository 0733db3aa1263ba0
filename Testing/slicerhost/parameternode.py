"""``slicer.parameterNodeWrapper`` in the part that a module with plain parameters uses.

Values are stored in the vtkMRMLScriptedModuleNode in Slicer's own form, so a scene written here has the layout Slicer reads.
What the decorator refuses, in which order it writes and what it tells is Slicer's as well (``wrapper.py``).
"""

import typing
from types import ModuleType

import slicer
import vtk

from .connectors import connector
from .parametertypes import Choice, Maximum, Minimum, WithinRange, kept

PROPERTY = "SlicerParameterName"


class Parameter:
    """One typed member: how it is kept in a node, and what it is if nothing was."""

    def __init__(self, name: str, annotation, *default) -> None:
        self.name, self.annotation = name, annotation
        self.kept = kept(annotation)
        self.default = default[0] if default else self.kept.default()

    def ensure(self, node) -> None:
        if not self.kept.isIn(node, self.name):
            self.write(node, self.default)

    def write(self, node, value) -> None:
        self.kept.check(value)
        self.kept.write(node, self.name, value)

    def read(self, node):
        self.ensure(node)
        return self.kept.read(node, self.name)


class Cached:
    """A parameter of one node: read when the node was changed, not when it is asked for."""

    def __init__(self, parameter: Parameter, node) -> None:
        self._parameter, self._node = parameter, node
        self._writing = False
        self._value = parameter.read(node)
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._changed)

    def _changed(self, *_) -> None:
        if not self._writing:
            self._value = self._parameter.read(self._node)

    def read(self):
        return self._value

    def write(self, value) -> None:
        """Read back before anyone is told."""
        self._writing = True
        try:
            with slicer.util.NodeModify(self._node):
                self._parameter.write(self._node, value)
                self._value = self._parameter.read(self._node)
        finally:
            self._writing = False

    def forget(self) -> None:
        self._node.RemoveObserver(self._tag)


class _Wrapper:
    """The methods that the decorator adds to the class."""

    def __init__(self, parameterNode, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._guis: dict[int, dict[str, object]] = {}
        self._observerTags: dict[int, int] = {}
        self._nextTag = 0
        self._updatingGui = False
        self._cached: dict[str, Cached] = {}
        for name, parameter in self.allParameters.items():
            parameter.ensure(parameterNode)
            self._cached[name] = Cached(parameter, parameterNode)

    def __del__(self) -> None:
        for cached in getattr(self, "_cached", {}).values():
            cached.forget()

    def getValue(self, name: str):
        self._known(name)
        return self._cached[name].read()

    def setValue(self, name: str, value) -> None:
        self._known(name)
        self._cached[name].write(value)

    def default(self, name: str):
        self._known(name)
        return self.allParameters[name].default

    def dataType(self, name: str):
        self._known(name)
        return self.allParameters[name].annotation

    def isCached(self, name: str) -> bool:
        self._known(name)
        return True

    def _known(self, name: str) -> None:
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")

    def connectGui(self, gui) -> int:
        """The widgets below a widget, or those in the attributes of another object; every one of these must be a widget."""
        widgets = _widgetsBelow(gui) if getattr(gui, "isWidgetType", lambda: False)() else vars(gui).values()
        return self.connectParametersToGui({widget.property(PROPERTY): widget for widget in widgets if widget.property(PROPERTY)})

    def connectParametersToGui(self, mapping) -> int:
        """All connectors are made, which refills the combo boxes and sets ranges, before the first is connected."""
        for name in mapping:
            self._known(name)
        connectors = {name: connector(widget, self.dataType(name)) for name, widget in mapping.items()}
        tag = self._nextTag
        self._nextTag += 1
        self._guis[tag] = connectors
        for name, one in connectors.items():
            one.write(self.getValue(name))
            one.onChanged(lambda name=name, one=one: self._take(name, one))
        self._observerTags[tag] = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._updateGui())
        return tag

    def _take(self, name: str, one) -> None:
        with slicer.util.NodeModify(self):
            if not self._updatingGui:
                self.setValue(name, one.read())

    def disconnectGui(self, tag: int | None) -> None:
        """Does nothing with a tag that it does not know, as Slicer's; 5.10 leaves the node's observer behind."""
        for one in self._guis.pop(tag, {}).values():
            one.onChanged(None)
        if tag in self._observerTags and slicer.app.minorVersion >= 12:
            self.RemoveObserver(self._observerTags.pop(tag))

    def _updateGui(self) -> None:
        if self._updatingGui:
            return
        self._updatingGui = True
        try:
            with slicer.util.NodeModify(self):
                for connectors in self._guis.values():
                    for name, one in connectors.items():
                        one.write(self.getValue(name))
        finally:
            self._updatingGui = False

    def AddObserver(self, event, callback, priority=0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, previous: int) -> None:
        self.parameterNode.EndModify(previous)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def _widgetsBelow(widget) -> list:
    from PySide6.QtWidgets import QWidget

    return widget.findChildren(QWidget)


def parameterNodeWrapper(cls=None):
    """The class decorator, with or without parentheses."""
    if cls is None:
        return parameterNodeWrapper
    hints = typing.get_type_hints(cls, include_extras=True)
    parameters = {name: Parameter(name, hint, *([getattr(cls, name)] if hasattr(cls, name) else [])) for name, hint in hints.items()}
    for name in parameters:
        setattr(cls, name, property(
            lambda self, name=name: self.getValue(name), lambda self, value, name=name: self.setValue(name, value)))
    members = {name: member for name, member in vars(_Wrapper).items() if callable(member)} | {"allParameters": parameters}
    for name, member in members.items():
        if name in parameters or (hasattr(cls, name) and not name.startswith("__")):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        setattr(cls, name, member)
    return cls


def build() -> ModuleType:
    module = ModuleType("slicer.parameterNodeWrapper")
    for member in (parameterNodeWrapper, WithinRange, Minimum, Maximum, Choice):
        setattr(module, member.__name__, member)
    return module
