"""Volumes for the tests, put into the scene."""

import numpy as np

MARGIN, AIR = 8, 50.0
"""Voxels of air that a head is left with, and what is darker."""


def head(name: str = "T1w", shape=(48, 56, 12), spacing=(2.0, 2.0, 6.0), affine: np.ndarray | None = None):
    """A head as if in thick axial slices, shown in the slice views."""
    import slicer

    from MRISuperResolutionLib.Scene import Phantom

    if affine is None:
        affine = np.diag([*spacing, 1.0])
        affine[:3, 3] = -np.array(spacing) * (np.array(shape) - 1) / 2
    array = Phantom.head(shape).array
    node = slicer.util.addVolumeFromArray(array.transpose(2, 1, 0), ijkToRAS=affine, name=name)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(900, 430)
    slicer.util.setSliceViewerLayers(background=node, foreground=None, fit=True)
    slicer.app.layoutManager().resetSliceViews()
    return node


def thickHead(name: str = "T1w axial"):
    """The MNI152 head, scanned again in axial slices six times thicker: what the pictures of the documents show."""
    import slicer
    from nilearn import datasets

    from mrisr.image.volume import Volume
    from mrisr.jobs.simulation import simulate

    template = datasets.load_mni152_template(resolution=1)
    whole = Volume(np.asarray(template.dataobj, dtype=np.float32) * 1000, np.asarray(template.affine))
    # The air around it is only computed and looked at.
    start = [max(0, int(where.min()) - MARGIN) for where in np.nonzero(whole.array > AIR)]
    stop = [int(where.max()) + MARGIN for where in np.nonzero(whole.array > AIR)]
    low = simulate(whole.cropped(tuple(start), tuple(stop)), "thick6", axis=2)
    # The template is a mean of many people and has no noise; a scan has.
    low.array[...] = np.abs(
        low.array + 12 * np.random.default_rng(0).standard_normal(low.shape, dtype=np.float32)
    )
    node = slicer.util.addVolumeFromArray(low.array.transpose(2, 1, 0), ijkToRAS=low.affine, name=name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevel(1000, 480)
    slicer.util.setSliceViewerLayers(background=node, foreground=None, fit=True)
    slicer.app.layoutManager().resetSliceViews()
    return node


def placed(node):
    """Puts a node under a transform and into a study: the transform, the subject hierarchy and the study's item."""
    import slicer

    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetAndObserveTransformNodeID(transform.GetID())
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    hierarchy.CreateItem(study, node)
    return transform, hierarchy, study
