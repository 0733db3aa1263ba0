"""``slicer.parameterNodeWrapper`` in the part that a module with plain parameters uses.

Values are stored in the vtkMRMLScriptedModuleNode in Slicer's own form (numbers and strings as text, booleans as
"True"/"False", enums by name, nodes as node references), so a scene written here has the layout Slicer reads.
Like Slicer's, it refuses a pair of widget and type that it cannot connect.
"""

import enum
import pathlib
import typing
from dataclasses import dataclass
from types import ModuleType

import slicer
import vtk
from PySide6 import QtWidgets

PROPERTY = "SlicerParameterName"


@dataclass
class WithinRange:
    minimum: float
    maximum: float

    def validate(self, value) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value {value} must be within [{self.minimum}, {self.maximum}]")


@dataclass
class Minimum:
    minimum: float

    def validate(self, value) -> None:
        if value < self.minimum:
            raise ValueError(f"Value {value} must be at least {self.minimum}")


class Choice:
    def __init__(self, choices) -> None:
        self.choices = list(choices)

    def validate(self, value) -> None:
        if value not in self.choices:
            raise ValueError(f"Value {value} must be one of {self.choices}")


class Parameter:
    """One typed member: how it is kept in the node."""

    def __init__(self, name: str, annotation, default) -> None:
        self.name = name
        self.type, *self.rules = (
            (annotation.__origin__, *annotation.__metadata__)
            if hasattr(annotation, "__metadata__")
            else (annotation,)
        )
        self.nodeClasses = _nodeClasses(self.type)
        self.isNode = bool(self.nodeClasses)
        self.isEnum = isinstance(self.type, type) and issubclass(self.type, enum.Enum)
        if not (self.isNode or self.isEnum or self.type in (int, float, str, bool, pathlib.Path)):
            raise TypeError(f"The stand-in cannot store {name}: {annotation}")
        self.default = self._first() if default is None and not self.isNode else default

    def _first(self):
        return next(iter(self.type)) if self.isEnum else self.type()

    def read(self, node):
        if self.isNode:
            return node.GetNodeReference(self.name)
        if not node.HasParameter(self.name):
            self.write(node, self.default)
        text = node.GetParameter(self.name)
        if self.isEnum:
            return self.type[text]
        return text == "True" if self.type is bool else self.type(text)

    def write(self, node, value) -> None:
        if self.isNode:
            if value is not None and not isinstance(value, self.nodeClasses):
                raise TypeError(f"{self.name} takes {self.type}, not a {value.GetClassName()}")
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            return
        accepted = (int, float) if self.type is float else self.type
        if not isinstance(value, accepted) or (self.type is int and isinstance(value, bool)):
            raise ValueError(f"{self.name} takes {self.type.__name__}, not {value!r}")
        for rule in self.rules:
            rule.validate(value)
        node.SetParameter(self.name, value.name if self.isEnum else str(value))

    def nodeTypes(self) -> list[str]:
        """As Slicer's ``getNodeTypes``: each class is instantiated to ask for its name, which an abstract one refuses with a TypeError."""
        return [nodeClass().GetClassName() for nodeClass in self.nodeClasses]


def _nodeClasses(annotation) -> tuple[type, ...]:
    """The node classes of a type or of a ``typing.Union`` of them and None; none of any other type."""
    members = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Union else (annotation,)
    classes = [member for member in members if member is not type(None)]
    nodes = all(isinstance(member, type) and issubclass(member, slicer.vtkMRMLNode) for member in classes)
    return tuple(classes) if nodes else ()


class Connector:
    """Widget and parameter, both ways."""

    def __init__(self, widget, parameter: Parameter) -> None:
        self.widget, self.parameter = widget, parameter
        self.signal, self.read, self.write = self._find()

    def _find(self):
        kinds = {
            (QtWidgets.QCheckBox, bool): self._checkBox,
            (QtWidgets.QSpinBox, int): self._spinBox,
            (QtWidgets.QDoubleSpinBox, float): self._spinBox,
            (QtWidgets.QLineEdit, str): self._lineEdit,
        }
        w, p = self.widget, self.parameter
        if (type(w), p.type) in kinds:
            return kinds[type(w), p.type]()
        if type(w) is QtWidgets.QComboBox and (p.isEnum or any(isinstance(rule, Choice) for rule in p.rules)):
            return self._comboBox()
        name = type(w).__name__
        if name == "ctkSliderWidget" and p.type is float:
            return self._slider()
        if name == "ctkPathLineEdit" and p.type is pathlib.Path:
            return (
                w.currentPathChanged,
                lambda: pathlib.Path(w.currentPath),
                lambda value: setattr(w, "currentPath", str(value)),
            )
        if name == "qMRMLNodeComboBox" and p.isNode:
            w.nodeTypes = p.nodeTypes()  # whatever the .ui file says
            return w.currentNodeChanged, w.currentNode, w.setCurrentNode
        raise RuntimeError(f"Unable to create GUI connector from {p.type} to {name} ({p.name})")

    def _range(self, required: bool):
        limits = [rule for rule in self.parameter.rules if isinstance(rule, WithinRange)]
        if required and not limits:
            raise RuntimeError(f"{self.parameter.name}: a ctkSliderWidget needs a WithinRange annotation")
        return limits[0] if limits else WithinRange(-(2**31), 2**31 - 1)

    def _slider(self):
        limits = self._range(required=True)
        self.widget.minimum, self.widget.maximum = limits.minimum, limits.maximum
        return self._property(self.widget.valueChanged, "value")

    def _spinBox(self):
        limits = self._range(required=False)
        self.widget.setRange(limits.minimum, limits.maximum)
        return self._property(self.widget.valueChanged, "value")

    def _checkBox(self):
        return self._property(self.widget.stateChanged, "checked")

    def _lineEdit(self):
        return self._property(self.widget.textChanged, "text")

    def _property(self, signal, name: str):
        return signal, lambda: getattr(self.widget, name), lambda value: setattr(self.widget, name, value)

    def _comboBox(self):
        p = self.parameter
        values = (
            list(p.type) if p.isEnum else next(rule.choices for rule in p.rules if isinstance(rule, Choice))
        )
        label = getattr(p.type, "label", lambda value: value.name) if p.isEnum else str
        self.widget.clear()
        self.widget.addItems([label(value) for value in values])
        return (
            self.widget.currentIndexChanged,
            lambda: values[self.widget.currentIndex],
            lambda value: setattr(self.widget, "currentIndex", values.index(value)),
        )


class _Wrapper:
    """The methods that the decorator adds to the class."""

    def __init__(self, parameterNode, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._guis: dict[int, list[tuple[Connector, object]]] = {}
        self._nextTag = 0
        self._updatingGui = False
        for parameter in self.allParameters.values():
            stored = parameterNode.HasParameter(parameter.name)
            if not stored:
                parameter.write(parameterNode, parameter.default)

    def connectGui(self, gui) -> None:
        """Slicer's tells no tag, so what it connects stays connected."""
        widgets = list(vars(gui).values())
        self.connectParametersToGui(
            {widget.property(PROPERTY): widget for widget in widgets if widget.property(PROPERTY)}
        )

    def connectParametersToGui(self, mapping) -> int:
        """As in Slicer all connectors are made, which refills the combo boxes, before the first is connected."""
        for name in mapping:
            if name not in self.allParameters:
                raise ValueError(f"Cannot find a param with the given name: {name}")
        connectors = [Connector(widget, self.allParameters[name]) for name, widget in mapping.items()]
        tag = self._nextTag
        self._nextTag += 1
        self._guis[tag] = []
        for connector in connectors:
            self._connect(tag, connector)
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._updateGui())
        return tag

    def _connect(self, tag: int, connector: Connector) -> None:
        connector.write(connector.parameter.read(self.parameterNode))

        def changed(*_) -> None:
            if not self._updatingGui:
                connector.parameter.write(self.parameterNode, connector.read())

        connector.signal.connect(changed)
        self._guis[tag].append((connector, changed))

    def disconnectGui(self, tag: int | None) -> None:
        """Does nothing with a tag that it does not know, as Slicer's."""
        for connector, changed in self._guis.pop(tag, []):
            connector.signal.disconnect(changed)

    def _updateGui(self) -> None:
        if self._updatingGui:
            return
        self._updatingGui = True
        try:
            for connector, _ in [pair for gui in self._guis.values() for pair in gui]:
                connector.write(connector.parameter.read(self.parameterNode))
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


def parameterNodeWrapper(cls):
    hints = typing.get_type_hints(cls, include_extras=True)
    cls.allParameters = {
        name: Parameter(name, hint, getattr(cls, name, None)) for name, hint in hints.items()
    }
    for name, parameter in cls.allParameters.items():
        setattr(
            cls,
            name,
            property(
                lambda self, p=parameter: p.read(self.parameterNode),
                lambda self, value, p=parameter: p.write(self.parameterNode, value),
            ),
        )
    for name, member in vars(_Wrapper).items():
        if callable(member):
            setattr(cls, name, member)
    return cls


def build() -> ModuleType:
    module = ModuleType("slicer.parameterNodeWrapper")
    for member in (parameterNodeWrapper, WithinRange, Minimum, Choice):
        setattr(module, member.__name__, member)
    return module
