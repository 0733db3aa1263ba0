"""Dataclasses as JSON and back: the one way in which jobs, replies and configurations travel."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .errors import InputError, MrisrError

Kind = TypeVar("Kind")

LARGEST = 2**1023
"""Whole numbers from here on are none that a computer's floating point knows."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is none that can be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def encode(value: Any) -> Any:
    """A value as JSON knows it: dataclasses as tables, paths as texts, tuples as lists.

    Example:
        >>> encode((Path("a.nii"), 2))
        ['a.nii', 2]
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [encode(item) for item in value]
    return value


def decode(
    kind: type[Kind], data: Any, source: str = "The job", error: type[MrisrError] = InputError
) -> Kind:
    """The dataclass that JSON or TOML describes; names, types and missing entries are checked.

    Args:
        kind: the dataclass.
        data: a table.
        source: what is read, as the beginning of a sentence.
        error: what is raised.

    Raises:
        MrisrError: of this kind: an entry is unknown, missing or of the wrong kind; the message gives its path.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Size:
        ...     sides: tuple[int, int]
        >>> decode(Size, {"sides": [2, 3]})
        Size(sides=(2, 3))
    """
    value: Kind = _Decoder(source, error).value(kind, data, "")
    return value


@dataclasses.dataclass(frozen=True)
class _Decoder:
    source: str
    error: type[MrisrError]

    def value(self, kind: Any, data: Any, path: str) -> Any:
        """The data as the annotated type `kind`."""
        origin, args = typing.get_origin(kind), typing.get_args(kind)
        if kind is Any:
            return data
        if origin in (types.UnionType, typing.Union):
            return self._one_of(args, data, path)
        if dataclasses.is_dataclass(kind):
            return self._table(kind, data, path)
        if origin is typing.Literal:
            return self._expect(data in args, data, path, f"one of {', '.join(map(str, args))}")
        if origin is tuple:
            good = isinstance(data, list) and (args[-1] is Ellipsis or len(data) == len(args))
            self._expect(good, data, path, "a list" if args[-1] is Ellipsis else f"a list of {len(args)}")
            return tuple(
                self.value(args[0] if args[-1] is Ellipsis else args[n], item, path)
                for n, item in enumerate(data)
            )
        return self._plain(kind, data, path)

    def _plain(self, kind: Any, data: Any, path: str) -> Any:
        whole = isinstance(data, int) and not isinstance(data, bool)
        if kind is Path:
            return Path(self._expect(isinstance(data, str) and "\0" not in data, data, path, "a path"))
        if kind is float:
            number = isinstance(data, float) or (whole and abs(data) < LARGEST)
            return self._expect(number, data, path, "a number") * 1.0
        if kind is bool:
            return self._expect(isinstance(data, bool), data, path, "true or false")
        if kind is int:
            return self._expect(whole, data, path, "a whole number")
        if kind is str:
            return self._expect(isinstance(data, str), data, path, "a text")
        return self._expect(isinstance(data, Mapping), data, path, "a table")

    def _one_of(self, kinds: Sequence[Any], data: Any, path: str) -> Any:
        if data is None and type(None) in kinds:
            return None
        given = [kind for kind in kinds if kind is not type(None)]
        return self.value(next((kind for kind in given if _resembles(kind, data)), given[0]), data, path)

    def _table(self, kind: Any, data: Any, path: str) -> Any:
        self._expect(isinstance(data, Mapping), data, path or "as a whole", "a table")
        hints = typing.get_type_hints(kind)
        prefix = f"{path}." if path else ""
        for name in data:
            if name not in hints:
                raise self.error(
                    f"{self.source} has the unknown entry {prefix}{name}; known are {', '.join(sorted(hints))}."
                )
        for field in dataclasses.fields(kind):
            needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if needed and field.name not in data:
                raise self.error(f"{self.source} lacks {prefix}{field.name}.")
        return kind(**{name: self.value(hints[name], item, prefix + name) for name, item in data.items()})

    def _expect(self, good: bool, data: Any, path: str, what: str) -> Any:
        if not good:
            raise self.error(f"{self.source}'s entry {path} must be {what}; got {repr(data)[:200]}.")
        return data


def _resembles(kind: Any, data: Any) -> bool:
    """Whether data may be of this kind, as far as can be told from outside."""
    if isinstance(data, list):
        return typing.get_origin(kind) is tuple
    if isinstance(data, Mapping):
        return not dataclasses.is_dataclass(kind) or set(data) <= {
            field.name for field in dataclasses.fields(kind)
        }
    return isinstance(kind, type) and isinstance(data, kind)
