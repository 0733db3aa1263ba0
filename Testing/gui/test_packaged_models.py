"""Every model that is shipped, run by clicks in the panel, gives the voxels that the command line gives."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gui.scans import head

ENGINE = Path(__file__).resolve().parents[2] / "MRISuperResolution"

THICK, CUBE = ((16, 18, 8), (2.0, 2.0, 6.0)), ((16, 18, 14), (2.0, 2.0, 2.0))

WAYS = {
    # family of protocols: scan, how it is stated in the panel (None: not), and what the command line is told
    "thick4": (THICK, None, ["--isotropic"]),
    "iso2": (CUBE, None, ["--factor", "2"]),
    "iso2-noisy": (CUBE, None, ["--factor", "2"]),
    "kspace-2x2": (
        CUBE,
        ("Partly measured (k-space zero-filled)", "kspaceSpinBox", 50),
        ["--factor", "1", "--acquisition", "kspace:0.5@RA"],
    ),
    "blur": (CUBE, ("Blurred", "blurSpinBox", 7.06), ["--factor", "1", "--acquisition", "blur:7.06"]),
    "zoom2": (
        CUBE,
        ("Already interpolated (quadratic)", "interpolationSpinBox", 2),
        ["--factor", "1", "--acquisition", "interpolated:2"],
    ),
}


def packaged() -> list:
    sys.path.insert(0, str(ENGINE))
    from mrisr.models import catalog

    return [card.name for card in catalog.list_models()]


@pytest.fixture(scope="module", autouse=True)
def hurriedDiffusion(tmp_path_factory):
    """The diffusion models take two of their twenty steps: what is compared here does not depend on it, and the others take minutes."""
    folder = tmp_path_factory.mktemp("models")
    for source in (ENGINE / "Resources" / "Models").glob("ddpm-*"):
        (folder / source.name).mkdir()
        (folder / source.name / "weights.safetensors").symlink_to(source / "weights.safetensors")
        card = json.loads((source / "card.json").read_text(encoding="utf-8"))
        card["hyperparameters"]["steps"] = 2
        (folder / source.name / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MRISR_MODELS", str(folder))
        yield


@pytest.fixture
def commandLine(warmWorker, tmp_path):
    """`mrisr enhance` on a node's voxels; the voxels of the result."""

    def enhance(node, *options: str) -> np.ndarray:
        from mrisr.image.files import read_volume
        from MRISuperResolutionLib.Scene import VolumeBridge

        VolumeBridge.write(node, str(tmp_path / "scan.nrrd"))
        done = subprocess.run(
            [
                sys.executable,
                *warmWorker,
                "enhance",
                str(tmp_path / "scan.nrrd"),
                str(tmp_path / "out.mha"),
                "--progress",
                "off",
                *options,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return read_volume(tmp_path / "out.mha").array

    return enhance


@pytest.mark.parametrize("name", packaged())
def testAModelRunFromThePanelGivesWhatTheCommandLineGives(panel, commandLine, name):
    import slicer

    from mrisr.models import catalog

    card = catalog.find(name)
    (shape, spacing), said, options = WAYS[card.protocols[0] if card.protocols else "thick4"]
    node = head(shape=shape, spacing=spacing)
    panel.ui.inputSelector.setCurrentNode(node)
    if said is not None:
        panel.ui.makingComboBox.currentText = said[0]
        getattr(panel.ui, said[1]).value = said[2]
    panel.pick(name)
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    result = panel.parameters.trustResult
    expected = commandLine(node, "--model", name, *options)
    found = slicer.util.arrayFromVolume(result).transpose(2, 1, 0)
    np.testing.assert_allclose(found, expected, atol=1e-3 * expected.max())
    record = panel.core.provenance(result)
    assert record["acquisition_source"] == ("assumed" if said is None else "stated")
    assert not record["warning"], "each was run as what it is"
