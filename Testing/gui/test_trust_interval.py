"""The interval map: asked for with a box, told in words, laid over the views, and refused for models that nobody measured."""

import json

import numpy as np
import pytest

from gui.scans import head
from mrisr.models import catalog
from mrisr.models.catalog import PACKAGED

SHAPE = (40, 44, 14)
ENTRY = {
    "level": 0.9,
    "table": [[0.02 * (1 + row) * (1 + column) for column in range(8)] for row in range(7)],
    "noise": 1.5,
    "factor": 1.0,
    "coverage": {"all": {"people": 12, "share": 0.91}},
    "protocols": {"thick4, 0 % noise": 0.9},
    "scans": ["a"],
}


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Cubic interpolation with an interval that was made up, and linear interpolation without one."""
    for name in ("cubic", "linear"):
        data = json.loads((PACKAGED / name / "card.json").read_text(encoding="utf-8"))
        data.pop("interval", None)
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        data |= {"interval": ENTRY} if name == "cubic" else {}
        (folder / "card.json").write_text(json.dumps(data), encoding="utf-8")
    monkeypatch.setenv(catalog.USER_FOLDERS, str(tmp_path / "models"))


def intervalOf(panel):
    return panel.parameters.trustResult.GetNodeReference("MRISuperResolutionInterval")


def testTheMapIsAskedForWithTheBoxAndLiesOverTheViews(models, panel):
    import slicer

    panel.choose(head(shape=SHAPE))
    panel.click("applyButton")
    panel.finish()
    panel.ui.trustSection.collapsed = False
    assert intervalOf(panel) is None
    assert "tick the box" in panel.ui.intervalInfoLabel.text
    assert not panel.ui.intervalButton.enabled
    panel.click("intervalCheckBox")
    assert panel.parameters.interval
    panel.click("applyButton")
    panel.finish()
    node = intervalOf(panel)
    assert node.GetName() == "T1w interval cubic"
    assert "In 9 of 10 voxels of scans like yours" in panel.ui.intervalInfoLabel.text
    record = panel.core.provenance(panel.parameters.trustResult)["interval"]
    assert f"{record['trusted_below']:.3g} in the scan's units" in panel.ui.intervalLegendLabel.text
    panel.click("intervalButton")
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert {view.GetForegroundVolumeID() for view in views} == {node.GetID()}
    display = node.GetDisplayNode()
    assert display.GetApplyThreshold()
    assert display.GetLowerThreshold() == pytest.approx(record["trusted_below"], rel=1e-2)
    assert (slicer.util.arrayFromVolume(node) > 0).all()
    panel.click("intervalButton")
    assert not {view.GetForegroundVolumeID() for view in views} & {node.GetID()}


def testAModelThatNobodyMeasuredSaysSoAndRunsWithout(models, panel):
    from MRISuperResolutionLib.Jobs.Settings import settingsOf

    panel.choose(head(shape=SHAPE), "linear")
    panel.parameters.interval = True
    panel.parent.widget.panel._update()
    assert not panel.ui.intervalCheckBox.enabled
    assert "nobody has measured" in panel.ui.intervalInfoLabel.text
    assert not settingsOf(panel.parameters).interval
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    assert intervalOf(panel) is None


def testTheConsoleReturnsTheEnginesInterval(models, panel):
    import slicer

    from mrisr.errors import InputError
    from mrisr.image.grid import Target
    from mrisr.pipeline.enhancement import enhance
    from mrisr.pipeline.settings import Settings
    from MRISuperResolutionLib.Scene import VolumeBridge

    node = head(shape=SHAPE)
    result = panel.core.process(node, factor=(1, 1, 3), interval=True)
    trust = panel.core.trust(result)
    asked = Settings("cubic", Target.factor((1, 1, 3)), interval=True)
    expected = enhance(VolumeBridge.volumeFromNode(node), asked)
    found = slicer.util.arrayFromVolume(trust.interval).transpose(2, 1, 0)
    assert (np.abs(found - expected.interval.array) > 1e-3 * expected.interval.array).mean() < 0.01
    told, own = panel.core.provenance(result)["interval"], expected.provenance["interval"]
    assert told["trusted_below"] == own["trusted_below"]
    with pytest.raises(InputError, match="Nobody has measured"):
        panel.core.process(node, model="linear", interval=True)
    assert panel.core.trust(panel.core.process(node, outputVolume=result)).interval is None
