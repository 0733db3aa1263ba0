"""A network gives the same with the NumPy, SciPy and pydicom of 3D Slicer 5.10 as with the usual ones."""

import json
import sys

import numpy as np
import pytest

from engine.conftest import phantom
from mrisr.image.files import read_volume, write_volume
from mrisr.physics.protocols import PROTOCOLS
from packages.environments import ENGINE, child, older_packages, required


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The result and the record of one scan with the usual packages, and with the older ones before them."""
    folder = tmp_path_factory.mktemp("runs")
    write_volume(PROTOCOLS["thick4"].simulate(phantom((32, 32, 32)), axis=2), folder / "scan.nrrd")
    found = {}
    for name, before in (("usual", ()), ("older", (older_packages(),))):
        job = {
            "task": "enhancement", "input": str(folder / "scan.nrrd"), "output": str(folder / f"{name}.nrrd"),
            "settings": {
                "model": "edsr3d-thick", "target": {"kind": "factor", "values": [1, 1, 4]}, "acquisition": "thick4", "device": "cpu",
                "precision": "fp32",
            },
        }  # fmt: skip
        (folder / f"{name}-job.json").write_text(json.dumps(job))
        code, said, errors = child(
            sys.executable, "-m", "mrisr.worker", str(folder / f"{name}-job.json"), paths=(*before, ENGINE)
        )
        assert code == 0, said[-2000:] + errors
        found[name] = (
            read_volume(folder / f"{name}.nrrd"),
            json.loads(said.splitlines()[-1])["provenance"]["software"],
        )
    return found


def test_the_older_packages_are_those_that_were_used(runs):
    wanted = required("requirements-older.txt")
    used, usual = runs["older"][1], runs["usual"][1]
    assert {name: used[name] for name in ("numpy", "scipy")} == {
        name: wanted[name] for name in ("numpy", "scipy")
    }
    assert used["torch"] == usual["torch"]


def test_a_network_gives_the_same(runs):
    (older, _), (usual, _) = runs["older"], runs["usual"]
    np.testing.assert_allclose(older.array, usual.array, atol=1e-4 * usual.array.max(), rtol=0)
    cubic = np.repeat(usual.array[:, :, ::4], 4, axis=2)
    assert np.abs(usual.array - cubic).max() > 0.01 * usual.array.max()
