"""Which widget of a form can show which type of parameter, and how, as in Slicer's ``guiConnectors.py``; no other pair is accepted."""

import enum
import logging
import pathlib
import typing

import slicer
from PySide6 import QtWidgets

from .parametertypes import Choice, Maximum, Minimum, WithinRange, split
from .uiloader import CUSTOM_WIDGETS


def connector(widget, annotation):
    """What connects a widget and a type.

    :raises RuntimeError: if Slicer has nothing for the pair.
    """
    for cls in (CheckBox, PushButton, SpinBox, DoubleSpinBox, ChoiceBox, EnumBox, LineEdit, Label, TextEdit, PathLineEdit, NodeComboBox):
        if cls.fits(widget, split(annotation)[0]):
            return cls(widget, annotation)
    raise RuntimeError(f"Unable to create GUI connector from datatype '{annotation}' to widget type '{type(widget)}'.")


def _is(widget, *names: str) -> bool:
    """Whether it is of exactly one of these classes."""
    return type(widget) in [getattr(QtWidgets, name, None) or CUSTOM_WIDGETS.get(name) for name in names]


class Connector:
    """A widget's value as a property."""

    value = "value"
    signal: str | None = "valueChanged"

    def __init__(self, widget, annotation) -> None:
        self.widget = widget
        self.kind, self.annotations = split(annotation)
        self._callback = None
        self.prepare()

    def prepare(self) -> None:
        """Nothing, where a widget is taken as it is."""

    def annotated(self, cls):
        return next((annotation for annotation in self.annotations if isinstance(annotation, cls)), None)

    def onChanged(self, callback) -> None:
        if self.signal is None:
            return
        signal = getattr(self.widget, self.signal)
        if callback is None:
            signal.disconnect(self._changed)
        self._callback = callback
        if callback is not None:
            signal.connect(self._changed)

    def _changed(self, *_) -> None:
        if self._callback is not None:
            self._callback()

    def read(self):
        return getattr(self.widget, self.value)

    def write(self, value) -> None:
        setattr(self.widget, self.value, value)


class CheckBox(Connector):
    value, signal = "checked", "stateChanged"

    @staticmethod
    def fits(widget, kind) -> bool:
        return kind is bool and _is(widget, "QCheckBox", "ctkCheckBox")


class PushButton(Connector):
    value, signal = "checked", "toggled"

    @staticmethod
    def fits(widget, kind) -> bool:
        return kind is bool and _is(widget, "QPushButton")

    def prepare(self) -> None:
        if not self.widget.checkable:
            logging.warning("Making push button checkable for conversion to bool: button %s", self.widget)
            self.widget.checkable = True


class Ranged(Connector):
    """A number: the widget's range becomes that of the annotations, whatever the form says."""

    lowest, highest = float("-inf"), float("inf")
    needsBounds: tuple[str, ...] = ()

    def prepare(self) -> None:
        within, minimum, maximum = map(self.annotated, (WithinRange, Minimum, Maximum))
        if _is(self.widget, *self.needsBounds) and within is None and (minimum is None or maximum is None):
            raise RuntimeError(f"Cannot have a connection to {type(self.widget).__name__} where the type is unbounded.")
        lower, upper = within or minimum, within or maximum
        self.widget.minimum = lower.minimum if lower is not None else self.lowest
        self.widget.maximum = upper.maximum if upper is not None else self.highest


class SpinBox(Ranged):
    lowest, highest, needsBounds = -(2**31), 2**31 - 1, ("QSlider",)

    @staticmethod
    def fits(widget, kind) -> bool:
        return kind is int and _is(widget, "QSlider", "QSpinBox")


class DoubleSpinBox(Ranged):
    needsBounds = ("ctkSliderWidget",)

    @staticmethod
    def fits(widget, kind) -> bool:
        return kind in (float, int) and _is(widget, "QDoubleSpinBox", "ctkSliderWidget")

    def prepare(self) -> None:
        if self.kind is int:
            self.widget.decimals = 0
        super().prepare()

    def read(self):
        return self.kind(super().read())


class ChoiceBox(Connector):
    value, signal = "currentIndex", "currentIndexChanged"

    @staticmethod
    def fits(widget, kind) -> bool:
        return _is(widget, "QComboBox", "ctkComboBox") and kind in (int, float, str, bool)

    def prepare(self) -> None:
        choice = self.annotated(Choice)
        if choice is None:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        self.values = list(choice.choices)
        self.fill([str(value) for value in self.values])

    def fill(self, labels: list[str]) -> None:
        self.widget.clear()
        for label in labels:
            self.widget.addItem(label)

    def read(self):
        return self.values[super().read()]

    def write(self, value) -> None:
        if value not in self.values:
            raise ValueError(f"Unable to find value {value} in choices {self.values}")
        super().write(self.values.index(value))


class EnumBox(ChoiceBox):
    """The item that was chosen stays chosen: a form with more items than the enum may hold one that it has no value for."""

    @staticmethod
    def fits(widget, kind) -> bool:
        return _is(widget, "QComboBox", "ctkComboBox") and issubclass(kind, enum.Enum)

    def prepare(self) -> None:
        self.values = list(self.kind)
        before = self.read()
        self.fill([getattr(self.kind, "label", lambda value: value.name)(value) for value in self.values])
        self.write(before)


class LineEdit(Connector):
    value, signal = "text", "textChanged"

    @staticmethod
    def fits(widget, kind) -> bool:
        return kind is str and _is(widget, "QLineEdit")

    def write(self, value) -> None:
        if value != self.read():
            super().write(value)


class Label(Connector):
    """A label tells of no change."""

    value, signal = "text", None

    @staticmethod
    def fits(widget, kind) -> bool:
        return kind is str and _is(widget, "QLabel")


class TextEdit(Connector):
    value, signal = "plainText", "textChanged"

    @staticmethod
    def fits(widget, kind) -> bool:
        return kind is str and _is(widget, "QTextEdit")


class PathLineEdit(Connector):
    value, signal = "currentPath", "currentPathChanged"

    @staticmethod
    def fits(widget, kind) -> bool:
        return kind in (pathlib.Path, pathlib.PurePath) and _is(widget, "ctkPathLineEdit")

    def read(self):
        return self.kind(super().read())

    def write(self, value) -> None:
        super().write(str(value))


class NodeComboBox(Connector):
    """The selector's types become those of the annotation, each instantiated to ask its class for its name."""

    signal = "currentNodeChanged"

    @staticmethod
    def fits(widget, kind) -> bool:
        members = typing.get_args(kind) if typing.get_origin(kind) is typing.Union else (kind,)
        isNode = all(type(member) is type and issubclass(member, (slicer.vtkMRMLNode, type(None))) for member in members)
        return isNode and kind is not type(None) and _is(widget, "qMRMLNodeComboBox")

    def prepare(self) -> None:
        classes = typing.get_args(self.kind) or (self.kind,)
        self.widget.nodeTypes = [cls().GetClassName() for cls in classes if cls is not type(None)]

    def read(self):
        return self.widget.currentNode()

    def write(self, value) -> None:
        self.widget.setCurrentNode(value)
