"""D3: what Slicer does not ship is not there in the tests that ask for a bare Slicer, and there again afterwards."""

import importlib
import sys

import pytest

from slicerhost.bare import NOT_SHIPPED, hidden


@pytest.mark.parametrize("name", ["skimage.metrics", *NOT_SHIPPED[:3], *NOT_SHIPPED[4:]])
def testABareSlicerLacksWhatItDoesNotShip(host, bareSlicer, name):
    with pytest.raises(ModuleNotFoundError, match=name.partition(".")[0]):
        importlib.import_module(name)


@pytest.mark.parametrize("name", NOT_SHIPPED)
def testABareSlicerFindsNoTraceOfIt(host, bareSlicer, name):
    import importlib.metadata

    assert importlib.util.find_spec(name) is None
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version({"skimage": "scikit-image"}.get(name, name))
    names = {distribution.metadata["Name"] for distribution in importlib.metadata.distributions()}
    assert "numpy" in names
    assert not names & {*NOT_SHIPPED, "scikit-image"}


def testWhatHeldAPackageIsImportedAnewAndAllIsBackAfterwards(host):
    import nibabel

    import mrisr.volume

    before = sys.modules["mrisr.volume"]
    with hidden():
        assert importlib.import_module("mrisr.volume") is not before
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("nibabel.affines")
    assert sys.modules["mrisr.volume"] is before is mrisr.volume
    assert sys.modules["nibabel"] is nibabel
    assert importlib.import_module("nibabel.affines") is nibabel.affines
    assert importlib.util.find_spec("torch") is not None


def testAPackageThatIsThereNeverthelessIsTold(host):
    with pytest.raises(AssertionError, match="psutil"), hidden():
        sys.modules["psutil"] = sys
    assert sys.modules.get("psutil") is not sys


@pytest.mark.parametrize("name", ["numpy", "scipy.ndimage", "SimpleITK", "pydicom", "PIL.Image", "requests"])
def testABareSlicerHasWhatItShips(host, bareSlicer, name):
    assert importlib.import_module(name) is not None
