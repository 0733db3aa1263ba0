"""Logic.process: one call in the Python console."""

import numpy as np
import pytest


@pytest.fixture
def head(makeHead):
    """A small head."""
    return makeHead((12, 14, 5), "Head")


def cornersOf(node) -> np.ndarray:
    from MRISuperResolutionLib.Scene import VolumeBridge

    return VolumeBridge.volumeFromNode(node).corners


def testThickSlicesBecomeIsotropicWithoutBeingAsked(logic, head):
    result = logic.process(head)
    np.testing.assert_allclose(result.GetSpacing(), (2, 2, 2), atol=1e-6)
    assert result.GetImageData().GetDimensions() == (12, 14, 15)
    np.testing.assert_allclose(cornersOf(result), cornersOf(head), atol=1e-4)
    assert result.GetName() == "Head SR cubic"


@pytest.mark.parametrize(
    ("request_", "shape"),
    [
        ({"factor": 2}, (24, 28, 10)),
        ({"factor": (1, 1, 4)}, (12, 14, 20)),
        ({"factor": 1.5}, (18, 21, 8)),
        ({"spacing": 1.0}, (24, 28, 30)),
        ({"isotropic": True}, (12, 14, 15)),
    ],
)
def testTargetIsGivenAsFactorSpacingOrIsotropic(logic, head, request_, shape):
    assert logic.process(head, model="linear", **request_).GetImageData().GetDimensions() == shape


def testInputIsNeverChanged(logic, head):
    import slicer

    before, names = slicer.util.arrayFromVolume(head).copy(), set(head.GetAttributeNames())
    result = logic.process(head, factor=2)
    assert result is not head
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(head), before)
    assert set(head.GetAttributeNames()) == names


def testExistingOutputIsFilledAndKeepsItsName(logic, head, scene):
    output = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Mine")
    assert logic.process(head, output, factor=2) is output
    assert output.GetName() == "Mine"
    assert output.GetImageData().GetDimensions() == (24, 28, 10)


def testRegionGivesJustTheBox(logic, head):
    result = logic.process(head, factor=2, region=((2, 3, 1), (8, 9, 4)))
    assert result.GetImageData().GetDimensions() == (12, 12, 6)


def testResultSaysHowItWasMade(logic, head):
    found = logic.provenance(logic.process(head, model="lanczos", factor=2))
    assert found["model"] == "lanczos"
    assert "estimated, not measured" in found["statement"]
    assert found["inputName"] == "Head"


def testTheModelOfAnAutomaticChoiceComesWithItsReason(logic, head):
    record = logic.provenance(logic.process(head, model="auto", isotropic=True, device="cpu"))
    assert record["model"] not in ("auto", "")
    assert record["model_reason"].endswith(".")
    assert "model_reason" not in logic.provenance(logic.process(head, model="cubic", isotropic=True))
    assert logic.provenance(head) == {}


def testRefusalsAreSentences(logic, head, scene):
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    for volume, words in ((None, "Choose"), (labels, "label map"), (empty, "holds no image")):
        with pytest.raises(ValueError, match=words):
            logic.process(volume)
    with pytest.raises(ValueError, match="overwrite"):
        logic.process(head, head)
    with pytest.raises(ValueError, match="not several"):
        logic.process(head, factor=2, spacing=1)


def testMonitorIsToldAndCanCancel(logic, head):
    from mrisr.errors import Cancelled
    from mrisr.progress import CancelToken, Monitor

    stages = []
    logic.process(head, factor=2, monitor=Monitor(lambda stage, done, total: stages.append(stage)))
    assert "interpolation" in stages
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        logic.process(head, factor=2, monitor=Monitor(cancel=token))
