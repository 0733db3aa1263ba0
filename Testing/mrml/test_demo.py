"""The main job, as `make demo` runs it, on a small head."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.conftest import oblique_affine, phantom
from mrisr.image.files import read_volume, write_volume

TESTING = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    write_volume(phantom((33, 28, 30), affine=oblique_affine()), folder / "head.nii.gz")
    command = [sys.executable, str(TESTING / "demo.py"), str(folder / "head.nii.gz"), str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "iso2-noisy" in done.stdout
    return folder / "out"


def test_it_leaves_the_volume_its_record_the_table_and_the_picture(out):
    assert {p.name for p in out.iterdir()} == {
        "comparison.png", "enhanced.json", "enhanced.nii.gz", "scene.mrb", "scores.json", "scores.md"
    }  # fmt: skip
    np.testing.assert_allclose(read_volume(out / "enhanced.nii.gz").spacing, 1, atol=1e-4)
    table = (out / "scores.md").read_text(encoding="utf-8")
    assert all(f"| iso2-noisy | told | {name} |" in table for name in ("linear", "cubic", "lanczos"))


def test_its_scene_opens_with_all_volumes_in_their_places(out, scene):
    import slicer

    from MRISuperResolutionLib.Scene import VolumeBridge

    assert scene.ReadFromMRB(str(out / "scene.mrb"))
    nodes = {node.GetName(): node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}
    assert {"Scan", "Reference"} < set(nodes)
    result = next(node for name, node in nodes.items() if name.startswith("Scan SR"))
    written = read_volume(out / "enhanced.nii.gz")
    np.testing.assert_allclose(VolumeBridge.volumeFromNode(result).affine, written.affine, atol=1e-4)
    np.testing.assert_allclose(VolumeBridge.volumeFromNode(result).array, written.array, atol=1e-5)
