"""What a volume's node tells about how it was made, in the engine's form."""

import json
from typing import Any

import slicer
from slicer.i18n import tr as _

from mrisr.errors import InputError
from mrisr.pipeline.sidecar import VOXELS, fingerprint

from . import EarlierRecords, VolumeBridge
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


def problemOf(result) -> str:
    """Why a volume cannot leave Slicer as the result of a model; empty if it can."""
    if "model" in provenanceOf(result):
        return ""
    return _(
        "{result} has no record of the model that made it; only results of this module can be exported as a series."
    ).format(result=result.GetName())


def checkMadeFrom(scan, result) -> None:
    """Whether a result's record is that of these two volumes, which the user may have chosen freely.

    :raises mrisr.errors.InputError: the result was made from another volume, or changed since.
    """
    record = provenanceOf(result)
    voxels = record.get(VOXELS)
    if isinstance(voxels, dict):
        if voxels.get("result") != _fingerprint(result):
            raise InputError(
                _(
                    "{result} was changed since it was made, so that its record is no longer true; run the model again."
                ).format(result=result.GetName())
            )
        isOther = voxels.get("scan") != _fingerprint(scan)
    else:  # of an earlier version, or a simulated scan
        isOther = bool(record) and scanOf(result) is not scan
    if isOther:
        raise InputError(
            _(
                "{result} was not made from {scan}, as its record says; choose the scan that it was made from."
            ).format(result=result.GetName(), scan=scan.GetName())
        )


def _fingerprint(node) -> str:
    return fingerprint(VolumeBridge.volumeFromNode(node).array)


def scanOf(node):
    """The volume that a result was made from, if it is still in the scene."""
    nodeID = provenanceOf(node).get("inputNode")
    return slicer.mrmlScene.GetNodeByID(nodeID) if nodeID else None
