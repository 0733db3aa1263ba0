"""Every Python block of the documents that is for Slicer's console, run as it is written, page by page."""

import numpy as np
import pytest

from documents import SLICER, run_here
from engine.trust_dicom import write_series
from gui.examine_scene import added, examined
from mrisr.physics.protocols import PROTOCOLS

PROGRAMS, TUTORIAL = run_here(SLICER), "docs/tutorials/console.md"


@pytest.fixture
def named(scene, forks, tmp_path, monkeypatch):
    """What the pages name: a thick scan `MRHead`, a reference and stacks in other directions, a region, a line, and a DICOM series."""
    import slicer

    from mrisr.image.grid import Target
    from MRISuperResolutionLib.Scene import VolumeBridge

    monkeypatch.chdir(tmp_path)
    made = examined(shape=(36, 36, 36))
    made.scan.SetName("MRHead")
    scan = VolumeBridge.volumeFromNode(made.scan)
    write_series(scan, tmp_path / "series")
    whole = VolumeBridge.volumeFromNode(made.result)
    stacks = {
        name: added(PROTOCOLS["thick4"].simulate(whole, axis=axis), name)
        for name, axis in (("axial", 2), ("sagittal", 0), ("coronal", 1))
    }
    line = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Line")
    slicer.util.updateMarkupsControlPointsFromArray(line, np.array([[6.0, 16, 16], [30, 16, 16]]))
    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Region")
    region.SetCenterWorld((16.0, 16.0, 16.0))
    region.SetSizeWorld((8.0, 8.0, 8.0))
    assert Target.isotropic().grid(scan.grid).shape == whole.shape
    return {"slicer": slicer, "reference": made.reference, "line": line, **stacks}


@pytest.mark.parametrize("page", sorted(set(PROGRAMS) - {TUTORIAL}))
def testTheProgramsOfAPageRun(page, named):
    for block in PROGRAMS[page]:
        exec(compile(block, page, "exec"), named)
    assert not named["logic"].core.running


def testTheTutorialDoesWhatItSays(named, tmp_path, capsys):
    for block in PROGRAMS[TUTORIAL]:
        exec(compile(block, TUTORIAL, "exec"), named)
    said = capsys.readouterr().out
    for part in ("Enhanced detail is estimated", "turned by", "coronal stack", "Agrees with your scan"):
        assert part in said
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert list((tmp_path / "derived").iterdir())
    assert [each["input"] for each in named["logic"].provenance(named["fused"])["inputs"]] == [
        "axial",
        "sagittal",
    ]
