"""Volumes for the tests, put into the scene."""

import numpy as np


def head(name: str = "T1w", shape=(48, 56, 12), spacing=(2.0, 2.0, 6.0), affine: np.ndarray | None = None):
    """A head as if in thick axial slices, shown in the slice views."""
    import slicer
    from MRISuperResolutionLib import Phantom

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
    """A finely drawn head, scanned again in slices four times thicker: what the pictures of the README show."""
    import slicer
    from MRISuperResolutionLib import Phantom
    from mrisr.simulate import simulate

    volume = simulate(Phantom.head((150, 180, 144), 1.2), "thick4", axis=2)
    node = slicer.util.addVolumeFromArray(volume.array.transpose(2, 1, 0), ijkToRAS=volume.affine, name=name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevel(900, 430)
    slicer.util.setSliceViewerLayers(background=node, foreground=None, fit=True)
    slicer.app.layoutManager().resetSliceViews()
    return node
