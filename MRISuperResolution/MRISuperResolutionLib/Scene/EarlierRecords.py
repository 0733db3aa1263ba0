"""Records as scenes of earlier versions hold them: one attribute a key, strings as they are and everything else as JSON."""

import json
from typing import Any

PREFIX = "MRISuperResolution."

ALWAYS = PREFIX + "inputNode"
"""What every record had: other attributes with the prefix belong to nodes without one."""


def recordIn(node) -> dict[str, Any]:
    """The record of a node of an earlier scene, by key; empty if it has none."""
    return {name.removeprefix(PREFIX): _value(node.GetAttribute(name)) for name in _names(node)}


def remove(node) -> None:
    """Take an earlier record off a node that gets a new one."""
    for name in _names(node):
        node.RemoveAttribute(name)


def _names(node) -> list[str]:
    if node.GetAttribute(ALWAYS) is None:
        return []
    return [name for name in node.GetAttributeNames() if name.startswith(PREFIX)]


def _value(text: str) -> Any:
    if text[:1] in ("{", "[") or text in ("null", "true", "false") or _isNumber(text):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _isNumber(text: str) -> bool:
    """A checksum may look like a number as well; none that was measured had so many digits."""
    try:
        float(text)
    except ValueError:
        return False
    return len(text) < 25
