"""What a command imports before it works: heavy libraries only where they are needed. Seconds are measured by `make bench ONLY=start`."""

import json
import subprocess
import sys

import numpy as np
import pytest

from engine.conftest import phantom
from mrisr.image.files import write_volume

NEVER = {
    "monai",
    "jsonschema",
    "skimage",
    "matplotlib",
    "scipy.ndimage",
    "scipy.special",
    "SimpleITK",
    "pydicom",
}
"""Of no use to inference on NIfTI files."""

REPORT = """
import json, sys
from mrisr.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as ended:
    code = ended.code
print(json.dumps([code, sorted(name for name, module in sys.modules.items() if module is not None)]))
"""

NO_TORCH = "import sys\nsys.modules['torch'] = sys.modules['safetensors'] = None\n"


def imported_by(*arguments, prelude=""):
    """What a process of its own has imported when the command has succeeded."""
    done = subprocess.run(
        [sys.executable, "-c", prelude + REPORT, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


@pytest.fixture
def scan(tmp_path):
    volume = phantom((12, 12, 8))
    write_volume(volume.with_array(volume.array.astype(np.float32)), tmp_path / "scan.nii.gz")
    return tmp_path / "scan.nii.gz"


def test_help_needs_numpy_at_most():
    found = imported_by("--help")
    assert not found & (NEVER | {"torch", "safetensors", "nibabel", "scipy", "tqdm", "PIL"})


def test_the_list_of_models_needs_no_more():
    assert not imported_by("models") & (NEVER | {"torch", "safetensors", "nibabel", "scipy", "tqdm", "PIL"})


def test_interpolation_needs_no_torch_and_loads_none(scan, tmp_path):
    arguments = ("enhance", scan, tmp_path / "out.nii.gz", "--model", "cubic", "--factor", 2)
    found = imported_by(*arguments)
    assert "nibabel" in found
    assert not found & (NEVER | {"torch", "safetensors"})
    first = (tmp_path / "out.nii.gz").read_bytes()
    imported_by(*arguments, "--overwrite", prelude=NO_TORCH)
    assert (tmp_path / "out.nii.gz").read_bytes() == first


def test_a_network_needs_torch_and_little_more(scan, tmp_path):
    found = imported_by(
        "enhance", scan, tmp_path / "out.nii.gz", "--model", "edsr3d-thick", "--factor", "1,1,2"
    )
    assert {"torch", "safetensors", "nibabel"} <= found
    assert not found & NEVER


def test_nibabel_finds_pydicom_where_it_is_loaded_already_and_it_can_be_loaded_later(scan):
    read = "from mrisr.image.files import read_volume\nimport sys\nread_volume(sys.argv[1])\n"
    tell = "import pydicom, nibabel.nifti1 as n\nassert pydicom.Dataset\nprint(n.have_dicom)"
    for before, expected in (("", "False"), ("import pydicom\n", "True")):
        command = [sys.executable, "-c", before + read + tell, str(scan)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [expected]
