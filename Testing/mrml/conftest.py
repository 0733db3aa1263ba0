"""Fixtures of the tests on the real MRML scene; see slicerhost.fixtures."""

import numpy as np
import pytest

from slicerhost.fixtures import _host, host, scene, steadyEnvironment  # noqa: F401


@pytest.fixture
def logic(host, steadyEnvironment):  # noqa: F811
    """What the Python console calls."""
    from MRISuperResolution import MRISuperResolutionLogic

    return MRISuperResolutionLogic()


@pytest.fixture
def makeHead(scene):  # noqa: F811
    """Adds a head in thick axial slices of so many voxels of 2 × 2 × 6 mm, oblique."""
    import slicer

    from MRISuperResolutionLib.Scene import Phantom

    def make(shape, name):
        angle = np.deg2rad(12)
        affine = np.diag([2.0, 2.0, 6.0, 1.0])
        affine[:2, :2] = 2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        affine[:3, 3] = (-30, 12, 7)
        node = slicer.util.addVolumeFromArray(
            Phantom.head(shape).array.transpose(2, 1, 0), ijkToRAS=affine, name=name
        )
        node.CreateDefaultDisplayNodes()
        return node

    return make
