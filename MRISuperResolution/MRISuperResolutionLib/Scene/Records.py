"""What a result's node tells about how it was made, in the engine's form."""

import json
from typing import Any

import slicer

from . import VolumeBridge

NAMES = ("inputNode", "inputName")
"""Attributes that name other nodes; names of nodes are often those of patients."""


def recordOf(node) -> dict[str, Any]:
    """The provenance of a result, without names; empty for a volume that this module did not make."""
    return {key: _value(text) for key, text in VolumeBridge.provenanceOf(node).items() if key not in NAMES}


def scanOf(node):
    """The volume that a result was made from, if it is still in the scene."""
    nodeID = VolumeBridge.provenanceOf(node).get("inputNode") if node is not None else None
    return slicer.mrmlScene.GetNodeByID(nodeID) if nodeID else None


def _value(text: str) -> Any:
    """``VolumeBridge.describe`` writes strings as they are and everything else as JSON."""
    if text[:1] in ("{", "[") or text in ("null", "true", "false") or _isNumber(text):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _isNumber(text: str) -> bool:
    """A checksum may look like a number as well; none that is measured here has so many digits."""
    try:
        float(text)
    except ValueError:
        return False
    return len(text) < 25
