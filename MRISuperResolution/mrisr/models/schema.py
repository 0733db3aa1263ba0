"""What is wrong with a card, by the part of JSON Schema that `models.schema.json` uses: Slicer's Python, where cards are read, has none."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}

DEEPEST = 40
"""No card is nested deeper."""


@cache
def schema_in(path: Path) -> Schema:
    """The schema in a file."""
    found: Schema = json.loads(path.read_text(encoding="utf-8"))
    return found


def flaw_of(value: Any, schema: Schema, *, whole: bool = True) -> str | None:
    """The first thing in a card that does not follow the schema, with its place; None if all does.

    Args:
        value: the card, as JSON has it.
        schema: of a card.
        whole: whether entries that are missing at the top, and entries that nobody knows, count: a card that is only read may be of
            another version.

    Example:
        >>> flaw_of({"side": 8}, {"type": "object", "properties": {"side": {"type": "integer", "minimum": 32}}})
        'side: 8 is less than 32'
    """
    return next(_Check(schema, whole).flaws(value, schema, ()), None)


class _Check:
    def __init__(self, root: Schema, whole: bool) -> None:
        self._root, self._whole = root, whole

    def flaws(self, value: Any, schema: Schema, path: tuple[str, ...]) -> Iterator[str]:
        """All that is wrong with a value, each with its place."""
        where = f"{'.'.join(path) or 'the card'}: "
        if len(path) > DEEPEST:
            yield f"{where[:80]}is nested too deep"
            return
        if "$ref" in schema:
            schema = self._root["$defs"][schema["$ref"].rpartition("/")[2]]
        if "oneOf" in schema:
            found = [next(self.flaws(value, each, path), None) for each in schema["oneOf"]]
            yield from [] if None in found else [flaw for flaw in found[-1:] if flaw]
        if "type" in schema and not _is(value, schema["type"]):
            yield f"{where}{_shown(value)} is no {schema['type']}"
            return
        yield from (where + flaw for flaw in _wrong(value, schema))
        if isinstance(value, dict):
            yield from self._of_table(value, schema, path, where)
        if isinstance(value, list) and "items" in schema:
            for n, item in enumerate(value):
                yield from self.flaws(item, schema["items"], (*path, str(n)))

    def _of_table(
        self, value: dict[str, Any], schema: Schema, path: tuple[str, ...], where: str
    ) -> Iterator[str]:
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        if self._whole or path:
            yield from (
                f"{where}{name} is missing" for name in schema.get("required", ()) if name not in value
            )
        for name, item in value.items():
            if name in known:
                yield from self.flaws(item, known[name], (*path, name))
            elif isinstance(others, Mapping):
                yield from self.flaws(item, others, (*path, name))
            elif others is False and self._whole:
                yield f"{where}nobody knows the entry {name}"


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float) and kind == "integer":
        return value.is_integer()
    return isinstance(value, TYPES[kind]) and not (isinstance(value, float) and not math.isfinite(value))


def _wrong(value: Any, schema: Schema) -> Iterator[str]:
    """What is wrong with a value by itself."""
    if "enum" in schema and not (value in schema["enum"] and not isinstance(value, bool)):
        yield f"{_shown(value)} is none of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{_shown(value)} does not look like {schema['pattern']}"
        yield from _counted(len(value), schema, "Length", "letters")
    if isinstance(value, list):
        yield from _counted(len(value), schema, "Items", "entries")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", -math.inf):
            yield f"{_shown(value)} is less than {schema['minimum']}"
        if value > schema.get("maximum", math.inf):
            yield f"{_shown(value)} is more than {schema['maximum']}"
        if value <= schema.get("exclusiveMinimum", -math.inf):
            yield f"{_shown(value)} is not more than {schema['exclusiveMinimum']}"


def _counted(count: int, schema: Schema, what: str, called: str) -> Iterator[str]:
    least, most = schema.get(f"min{what}", 0), schema.get(f"max{what}", math.inf)
    if not least <= count <= most:
        yield f"it has {count} {called}, not {least} to {most}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
