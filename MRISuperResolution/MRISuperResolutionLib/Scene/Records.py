"""What a volume's node tells about how it was made, in the engine's form."""

import json
from typing import Any

import slicer

from . import EarlierRecords
from .VolumeBridge import PROVENANCE

NAMES = ("inputNode", "inputName")
"""Keys that name other nodes; names of nodes are often those of patients."""


def provenanceOf(node) -> dict[str, Any]:
    """What ``VolumeBridge.describe`` wrote, by key; empty for a volume that this module did not make."""
    if node is None:
        return {}
    text = node.GetAttribute(PROVENANCE)
    if text is None:
        return EarlierRecords.recordIn(node)
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def recordOf(node) -> dict[str, Any]:
    """The provenance of a result without names, as it leaves Slicer."""
    return {key: value for key, value in provenanceOf(node).items() if key not in NAMES}


def scanOf(node):
    """The volume that a result was made from, if it is still in the scene."""
    nodeID = provenanceOf(node).get("inputNode")
    return slicer.mrmlScene.GetNodeByID(nodeID) if nodeID else None
