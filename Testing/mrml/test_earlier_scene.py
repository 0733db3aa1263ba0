"""Scenes and records of earlier versions: they open with verdict and provenance."""

from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data" / "earlier"
RESULT = "Head SR gradient-filters-thick"


@pytest.fixture
def result(scene):
    import slicer

    scene.SetURL(str(DATA / "scene.mrml"))
    scene.Connect()
    return slicer.util.getNode(RESULT)


def testAnEarlierSceneOpensWithItsVerdict(logic, result):
    trust = logic.trust(result)
    assert trust.verdict["color"] == trust.agreement == "green"
    assert trust.verdict["sentence"].startswith("Green: scanned again")
    assert trust.verdict["worst_ras"] == [0.0, 28.0, 7.0]
    assert "in the head; green up to" in trust.verdict["explanation"], (
        "a semicolon ends an attribute in the file"
    )
    assert (trust.residual.GetName(), trust.spread.GetName()) == (
        "Head residual gradient-filters-thick",
        "Head spread gradient-filters-thick",
    )
    assert trust.brightness == pytest.approx(834.546, abs=1e-3)


def testAnEarlierSceneOpensWithItsProvenance(logic, result):
    from MRISuperResolutionLib.Scene.Records import recordOf, scanOf

    record = logic.provenance(result)
    assert record["model"] == "gradient-filters-thick"
    assert record["model_version"] == 1.0, "a text that looks like a number was read as one then, too"
    assert record["weights_sha256"] == "3724f74e6b173a4455447d4c006cce6b9d3ff5750179f60a79898d8b438ef84c"
    assert (record["samples"], record["factor"], record["region"]) == (2, [1.0, 1.0, 3.0], None)
    assert record["acquisition"]["profile"] == ["none", "none", "gaussian"]
    assert record["statement"] == "Research use only. Enhanced detail is estimated, not measured."
    assert record["inputName"] == "Head"
    assert scanOf(result).GetName() == "Head"
    assert not {"inputName", "inputNode"} & set(recordOf(result))


def testAChecksumOfDigitsStayedAText(result):
    from MRISuperResolutionLib.Scene.Records import recordOf

    digits = "1" * 60 + "e500"
    result.SetAttribute("MRISuperResolution.weights_sha256", digits)
    assert recordOf(result)["weights_sha256"] == digits


def testOnlyResultsHaveARecord(logic, result):
    import slicer

    for name in ("Head", "Head residual gradient-filters-thick", "Head spread gradient-filters-thick"):
        assert logic.provenance(slicer.util.getNode(name)) == {}
    assert logic.provenance(None) == {}


def testANewRunIntoAnEarlierResultLeavesOneRecord(logic, result):
    from MRISuperResolutionLib.Scene.Records import scanOf

    logic.process(scanOf(result), result, model="linear", isotropic=True)
    assert [name for name in result.GetAttributeNames() if name.startswith("MRISuperResolution.")] == [
        "MRISuperResolution.provenance"
    ]
    assert logic.provenance(result)["model"] == "linear"


def testAnEarlierRecordBesideAFileIsRead(host):
    from mrisr.pipeline.sidecar import read_sidecar

    record = read_sidecar(DATA / "enhanced.nrrd")
    assert (record["model"], record["input"], record["factor"]) == ("cubic", "Head.nrrd", [1.0, 1.0, 3.0])
    assert record["trust"]["color"] == "green"
    assert record["trust"]["sentence"].startswith("Green: scanned again")
