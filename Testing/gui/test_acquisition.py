"""How the scan was made: the user states it, the models are told it, and the verdict rests on it."""

import json

import pytest

from gui.scans import head


@pytest.fixture
def ready(panel):
    """A scan in slices 6 mm apart, and a model that is not proposed anew."""
    panel.ui.inputSelector.setCurrentNode(head(shape=(24, 28, 8)))
    panel.pick("cubic")
    return panel


ISOTROPIC = {"kind": "isotropic", "values": [1, 1, 1]}
SAME = {"kind": "factor", "values": [1, 1, 1]}


def state(panel, words: str) -> None:
    panel.ui.makingComboBox.currentText = words
    panel.events()


def job(panel) -> dict:
    """What the worker would be told."""
    from mrisr.codec import encode
    from MRISuperResolutionLib.Jobs.Settings import settingsOf

    return json.loads(json.dumps(encode(settingsOf(panel.parameters))))


def seen(panel) -> set[str]:
    names = (
        "thicknessSpinBox",
        "gapSpinBox",
        "kspaceSpinBox",
        "blurSpinBox",
        "interpolationSpinBox",
        "alongRCheckBox",
    )
    return {name for name in names if getattr(panel.ui, name).isVisibleTo(panel.parent)}


def testNothingIsStatedUntilTheUserDoes(ready):
    assert job(ready)["acquisition"] is None
    assert seen(ready) == set()
    assert not ready.ui.makingWidget.isVisibleTo(ready.parent)


@pytest.mark.parametrize(
    ("words", "fields", "statement", "target"),
    [
        ("In thick slices", {"thicknessSpinBox", "gapSpinBox"}, "slices:6", ISOTROPIC),
        ("Partly measured (k-space zero-filled)", {"kspaceSpinBox", "alongRCheckBox"}, "kspace:0.5@RA", SAME),
        ("Blurred", {"blurSpinBox", "alongRCheckBox"}, "blur:3.5@RAS", SAME),
        (
            "Already interpolated (quadratic)",
            {"interpolationSpinBox", "alongRCheckBox"},
            "interpolated:2@RAS",
            SAME,
        ),
        ("Already interpolated (cubic)", {"interpolationSpinBox", "alongRCheckBox"}, "spline:2@RAS", SAME),
    ],
)
def testWhatIsStatedReachesTheWorkerAndSetsTheTarget(ready, words, fields, statement, target):
    state(ready, words)
    assert seen(ready) == fields
    assert (job(ready)["acquisition"], job(ready)["target"]) == (statement, target)
    state(ready, "Not stated")
    assert (job(ready)["acquisition"], job(ready)["target"]) == (None, ISOTROPIC)


def testTheGapIsWhatTheThicknessLeavesOfTheDistance(ready):
    state(ready, "In thick slices")
    assert (ready.ui.thicknessSpinBox.value, ready.ui.gapSpinBox.value) == (6, 0)
    ready.ui.thicknessSpinBox.value = 5
    assert ready.ui.gapSpinBox.value == 1
    ready.ui.gapSpinBox.value = 1.8
    assert ready.ui.thicknessSpinBox.value == pytest.approx(4.2)
    assert job(ready)["acquisition"] == "slices:4.2"
    ready.ui.gapSpinBox.value = -2  # overlapping slices
    assert ready.ui.thicknessSpinBox.value == 8


def testKSpaceIsCutWithinTheSlicesWhateverTheirDirection(panel):
    import numpy as np

    affine = np.array([[0, 0, 6.0, 0], [2.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])  # sagittal
    panel.ui.inputSelector.setCurrentNode(head("Sagittal", shape=(24, 28, 8), affine=affine))
    state(panel, "Partly measured (k-space zero-filled)")
    assert job(panel)["acquisition"] == "kspace:0.5@AS"


def testAStatementWithoutADirectionIsRefusedUntilOneIsNamed(ready):
    state(ready, "Blurred")
    ready.pick("edsr3d-blur")
    for name in ("alongRCheckBox", "alongACheckBox", "alongSCheckBox"):
        getattr(ready.ui, name).checked = False
    assert "at least one direction" in ready.status
    assert not ready.ui.applyButton.enabled
    ready.ui.alongACheckBox.checked = True
    assert ready.ui.applyButton.enabled, ready.status
    assert job(ready)["acquisition"] == "blur:3.5@A"


def testANewScanIsNotTakenToBeMadeLikeTheOneBefore(ready):
    state(ready, "In thick slices")
    ready.ui.thicknessSpinBox.value = 3
    ready.ui.inputSelector.setCurrentNode(head("Next", shape=(20, 20, 8), spacing=(1.0, 1.0, 5.0)))
    assert ready.ui.makingComboBox.currentText == "Not stated"
    assert (job(ready)["acquisition"], ready.ui.thicknessSpinBox.value) == (None, 5)


def testWhatSuitsFollowsTheStatement(panel):
    panel.ui.inputSelector.setCurrentNode(head("Cube", shape=(24, 28, 20), spacing=(2.0, 2.0, 2.0)))
    for words, model in (
        ("Partly measured (k-space zero-filled)", "edsr3d-kspace"),
        ("Already interpolated (quadratic)", "gradient-filters-zoom2"),
        ("Not stated", "edsr3d-iso2"),
    ):
        state(panel, words)
        assert panel.parameters.model == model, words
    state(panel, "Blurred")
    assert panel.parameters.model == "cubic", (
        "3.5 mm are 1.75 voxels here: less than any model was trained for"
    )
    assert "changes nothing" in panel.status
    panel.ui.blurSpinBox.value = 7
    assert panel.parameters.model == "edsr3d-blur"


def testTheConditionGoesAndTheVerdictTurnsGreenWhenTheAcquisitionIsStated(ready):
    ready.ui.consistencyComboBox.currentText = "10 steps"
    ready.click("applyButton")
    ready.finish()
    assert ready.ui.verdictLabel.text.endswith(
        "\nIs as near to your scan as plain interpolation, if its slices are 4.8 mm thick, 6.0 mm apart (assumed)."
    ), "steps that would do harm if they were thinner are left out"
    assert ready.ui.verdictMark.text == "!"
    assert ready.ui.trustSection.collapsed, "what agrees needs no attention, even if on an assumption"
    state(ready, "In thick slices")
    ready.click("applyButton")
    ready.finish()
    assert ready.ui.verdictLabel.text.endswith("\nAgrees with your scan.")
    assert ready.ui.verdictMark.text == "✓"
    assert "times its noise" in ready.ui.verdictLabel.toolTip
    assert not any(character.isdigit() for character in ready.ui.verdictLabel.text.splitlines()[1])


def testCompareStandsBesideTheVerdictAndGoesBack(ready):
    import slicer

    ready.click("applyButton")
    ready.finish()
    before = slicer.app.layoutManager().layout
    ready.click("verdictCompareButton")
    assert slicer.app.layoutManager().layout != before
    shown = slicer.app.layoutManager().sliceWidget("Red+").mrmlSliceCompositeNode().GetBackgroundVolumeID()
    assert shown == ready.parameters.trustResult.GetID()
    ready.click("verdictCompareButton")
    assert slicer.app.layoutManager().layout == before


def testAnIsotropicScanIsNotMadeIsotropic(panel):
    panel.ui.inputSelector.setCurrentNode(head("Cube", shape=(24, 28, 20), spacing=(2.0, 2.0, 2.0)))
    assert panel.ui.targetModeComboBox.currentText == "Refine by a factor"
    panel.ui.targetModeComboBox.currentText = "Same size in all directions (isotropic)"
    assert "isotropic already" in panel.status
    assert not panel.ui.applyButton.enabled


def testScenesWithoutTheseSettingsOpen(ready):
    """A parameter node of a version that knew of no statement: the model counts as picked."""
    node = ready.parameters.parameterNode
    for name in ("making", "thickness", "proposedModel", "kspacePercent", "showAllModels"):
        node.UnsetParameter(name)
    node.SetParameter("model", "linear")
    ready.events()
    assert ready.parameters.model == "linear"
    assert job(ready)["acquisition"] is None
