"""Why something cannot be done, each as a sentence that says what to do. An empty string: it can."""

from slicer.i18n import tr as _


def ofInput(node) -> str:
    """Whether a volume node can be enhanced."""
    if node is None:
        return _("Choose an input volume.")
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        return _("{name} is a label map; choose the intensity image it was drawn on.").format(
            name=node.GetName()
        )
    image = node.GetImageData()
    if image is None:
        return _("{name} holds no image; load it again or choose another volume.").format(name=node.GetName())
    if (
        image.GetNumberOfScalarComponents() > 1
        or node.IsA("vtkMRMLVectorVolumeNode")
        or node.IsA("vtkMRMLDiffusionWeightedVolumeNode")
    ):
        return _(
            "{name} is a series or holds several values per voxel; extract one volume of it first."
        ).format(name=node.GetName())
    if sorted(image.GetDimensions())[1] < 2:
        return _("{name} has only one row of voxels; choose a volume, or a slice of one.").format(
            name=node.GetName()
        )
    return ""


def ofOutput(node, source) -> str:
    """Whether a result may go into a node."""
    if node is not None and node is source:
        return _("The output would overwrite the input; choose another volume or a new one.")
    if (
        node is not None
        and not node.IsTypeOf("vtkMRMLScalarVolumeNode")
        and not node.IsA("vtkMRMLScalarVolumeNode")
    ):
        return _("{name} cannot hold the result; choose another volume or a new one.").format(
            name=node.GetName()
        )
    if node is not None and node.IsA("vtkMRMLLabelMapVolumeNode"):
        return _(
            "{name} is a label map and cannot hold the result; choose another volume or a new one."
        ).format(name=node.GetName())
    return ""


def ofRegion(roi, box, scan) -> str:
    """Whether a region meets the scan, in more than a layer of voxels of it."""
    if roi is None:
        return ""
    if box is None:
        return _("The region lies outside the scan; move it or choose no region.")
    thin = [axis for axis in range(3) if box[1][axis] - box[0][axis] < 2 <= scan.shape[axis]]
    return (
        _("The region is only one voxel thick along {direction}; make it larger.").format(
            direction=scan.directions[thin[0]]
        )
        if thin
        else ""
    )
