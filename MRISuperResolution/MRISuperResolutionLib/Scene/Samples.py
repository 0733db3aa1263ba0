"""The module's entries in Slicer's Sample Data, made here or from Slicer's own data; nothing new is downloaded."""

from inspect import signature

from slicer.i18n import tr as _

CATEGORY = "MRI Super-Resolution"
PROTOCOL = "thick4"
HEADER_AXIS = 2
PHANTOM = "SyntheticHeadThickSlices"
MRHEAD = "MRHeadThickSlices"


def register(iconPath: str) -> None:
    """Add the samples; ``registerCustomSampleDataCategory`` came after Slicer 5.10, and asks for a title since 5.12.

    Slicer wants an address and a file name also for a sample whose downloader needs neither.
    """
    import SampleData

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):
        title = (
            {"title": _("MRI Super-Resolution")}
            if "title" in signature(logic.registerCustomSampleDataCategory).parameters
            else {}
        )
        logic.registerCustomSampleDataCategory(category=CATEGORY, **title)
    for name, maker in ((PHANTOM, makePhantom), (MRHEAD, makeMRHead)):
        logic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            uris="",
            fileNames=f"{name}.nrrd",
            nodeNames=name,
            thumbnailFileName=iconPath,
            customDownloader=maker,
        )


def makePhantom(_source=None):
    """A synthetic head as if scanned in axial slices, four times thicker than its pixels."""
    from . import Phantom, VolumeBridge

    return _added(_thick(Phantom.head((112, 140, 112), 1.5)), PHANTOM, VolumeBridge)


def makeMRHead(_source=None):
    """Slicer's MRHead as if it had been scanned in slices four times thicker."""
    import SampleData
    import slicer

    from . import VolumeBridge

    reference = SampleData.SampleDataLogic().downloadMRHead()
    node = _added(_thick(VolumeBridge.volumeFromNode(reference)), MRHEAD, VolumeBridge)
    slicer.mrmlScene.RemoveNode(reference)
    return node


def _thick(volume):
    from mrisr.jobs.simulation import simulate

    return simulate(volume, PROTOCOL, axis=HEADER_AXIS)


def _added(volume, name: str, bridge):
    node = bridge.addNode(name)
    bridge.updateNode(node, volume)
    node.CreateDefaultDisplayNodes()
    bridge.describe(node, None, {"protocol": PROTOCOL})
    node.SetDescription(_("Simulated thick slices, for trying MRI Super-Resolution"))
    return node
