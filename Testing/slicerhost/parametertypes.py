"""How ``slicer.parameterNodeWrapper`` keeps a typed parameter in a node: numbers, texts, enums, paths, nodes and unions of them.

As in Slicer a value is checked first by its type (None a ValueError where it has no place, another type a TypeError), then by the
rules of its annotation in their order, and is read back from the node's text after it was written.
"""

import enum
import logging
import pathlib
import types
import typing

import slicer


class WithinRange:
    def __init__(self, minimum, maximum) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


class Minimum:
    def __init__(self, minimum) -> None:
        self.minimum = minimum

    def validate(self, value) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must be greater than {self.minimum}, is {value}")


class Maximum:
    def __init__(self, maximum) -> None:
        self.maximum = maximum

    def validate(self, value) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must be less than {self.maximum}, is {value}")


class Choice:
    def __init__(self, choices) -> None:
        self.choices = choices

    def validate(self, value) -> None:
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be one of {self.choices}")


VALIDATORS = (WithinRange, Minimum, Maximum, Choice)


def split(annotation) -> tuple[object, list]:
    """A type and what annotates it; ``A | B`` becomes ``Union[A, B]``."""
    bare, *rules = (annotation.__origin__, *annotation.__metadata__) if hasattr(annotation, "__metadata__") else (annotation,)
    if isinstance(bare, types.UnionType):
        bare = typing.Union[typing.get_args(bare)]  # noqa: UP007 - made from a tuple
    return bare, rules


class Plain:
    """A number, text, truth or path, kept as its text."""

    types = (int, float, str, bool, pathlib.Path, pathlib.PurePath)

    def __init__(self, kind) -> None:
        self.kind = kind
        self.accepted = (int, float) if kind is float else kind

    def default(self):
        return self.kind()

    def check(self, value) -> None:
        if value is None:
            raise ValueError("Value must not be None")
        if not isinstance(value, self.accepted):
            raise TypeError(f"Value must be of type '{self.accepted}', is type '{type(value)}' value '{value}'")

    def isIn(self, node, name: str) -> bool:
        return node.HasParameter(name)

    def write(self, node, name: str, value) -> None:
        node.SetParameter(name, str(value))

    def read(self, node, name: str):
        text = node.GetParameter(name)
        return text == "True" if self.kind is bool else self.kind(text)

    def remove(self, node, name: str) -> None:
        node.UnsetParameter(name)


class EnumKept(Plain):
    """An enum, kept by name."""

    def default(self):
        return next(iter(self.kind))

    def check(self, value) -> None:
        if value is not None and not isinstance(value, self.kind):
            raise TypeError(f"Value must be of type '{self.kind}', is type '{type(value)}' value '{value}'")

    def write(self, node, name: str, value) -> None:
        node.SetParameter(name, value.name)

    def read(self, node, name: str):
        text = node.GetParameter(name)
        if text not in self.kind.__members__:
            raise ValueError(f"Found {text!r} in parameter node but it is not a name in {self.kind!r}")
        return self.kind[text]


class NodeKept(EnumKept):
    """A node or None, kept as a reference, beside an empty text that says that it was set."""

    def default(self):
        return None

    def write(self, node, name: str, value) -> None:
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node, name: str):
        return node.GetNodeReference(name)

    def remove(self, node, name: str) -> None:
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)


class NoneKept(Plain):
    def check(self, value) -> None:
        if value is not None:
            raise ValueError("Value must be None")

    def write(self, node, name: str, value) -> None:
        node.SetParameter(name, "True")

    def read(self, node, name: str) -> None:
        return None


class UnionKept:
    """One of several types: the value is kept under the name of the parameter and the number of its type."""

    def __init__(self, kind) -> None:
        members = typing.get_args(kind)
        self.kept = [kept(member) for member in members]
        self.optional = len(members) == 2 and members[1] is type(None)

    def default(self):
        return None if self.optional else self.kept[0].default()

    def check(self, value) -> None:
        self._find(value)

    def _find(self, value) -> int:
        """The number of the type that takes a value; the last refusal, or a TypeError, if none does."""
        refusal = TypeError(f"Unable to write value '{value}' of type '{type(value)}'")
        for index, kept_ in enumerate(self.kept):
            if type(getattr(kept_, "inner", kept_)) is type(_forType(type(value))):
                try:
                    kept_.check(value)
                    return index
                except (TypeError, ValueError) as error:
                    refusal = error
        raise refusal

    def isIn(self, node, name: str) -> bool:
        return any(kept_.isIn(node, f"{name}.{index}") for index, kept_ in enumerate(self.kept))

    def write(self, node, name: str, value) -> None:
        with slicer.util.NodeModify(node):
            index = self._find(value)
            self.remove(node, name)
            self.kept[index].write(node, f"{name}.{index}", value)

    def read(self, node, name: str):
        for index, kept_ in enumerate(self.kept):
            if kept_.isIn(node, f"{name}.{index}"):
                return kept_.read(node, f"{name}.{index}")
        raise KeyError(f"Unable to find value for name: {name}")

    def remove(self, node, name: str) -> None:
        for index, kept_ in enumerate(self.kept):
            kept_.remove(node, f"{name}.{index}")


class Ruled:
    """A way to keep values, and the rules of its annotation."""

    def __init__(self, inner, rules: list) -> None:
        self.inner, self.rules = inner, rules

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def check(self, value) -> None:
        self.inner.check(value)
        for rule in self.rules:
            rule.validate(value)


def kept(annotation):
    """How values of an annotated type are kept.

    :raises TypeError: if Slicer, or only the stand-in, cannot keep such a type.
    """
    kind, annotations = split(annotation)
    unused = [extra for extra in annotations if not isinstance(extra, VALIDATORS)]
    if unused:
        logging.warning("Unused annotations: %s", unused)
    rules = [rule for rule in annotations if isinstance(rule, VALIDATORS)]
    inner = _forType(kind)
    if inner is None:
        raise TypeError(f"Unable to create serializer for type: {kind}")
    return Ruled(inner, rules) if rules else inner


def _forType(kind):
    if typing.get_origin(kind) is typing.Union:
        return UnionKept(kind)
    if kind in Plain.types:
        return Plain(kind)
    if kind is type(None):
        return NoneKept(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return EnumKept(kind)
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return NodeKept(kind)
    return None
