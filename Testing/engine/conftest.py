"""Scans for the engine's tests: real ones where they are at hand, otherwise the head that nilearn carries."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from engine.training_helpers import write_scans
from mrisr.image.files import read_volume, write_volume
from mrisr.image.volume import Volume
from mrisr.physics.protocols import PROTOCOLS, prepare_reference

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def oblique_affine(spacing=(1.0, 1.0, 1.0), angles=(0.3, -0.2, 0.5), origin=(12.0, -7.0, 31.0), flip=False):
    """A rotated, anisotropic, possibly left-handed affine."""
    x, y, z = angles
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rx @ ry @ rz @ np.diag(spacing) @ np.diag([-1.0 if flip else 1.0, 1, 1])
    affine[:3, 3] = origin
    return affine


def phantom(shape=(24, 28, 20), seed=0, affine=None):
    """A smooth head-like blob with some structure, float32 in [0, about 900], zero around it."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))
    radius = np.sqrt((grid**2).sum(0))
    texture = sum(
        np.sin(rng.uniform(3, 9, 3) @ grid.reshape(3, -1) + rng.uniform(0, 6)).reshape(shape)
        for _ in range(4)
    )
    array = np.where(radius < 0.85, 500 + 100 * texture, 0).astype(np.float32)
    return Volume(array, np.eye(4) if affine is None else affine)


@pytest.fixture
def one_thread():
    """Tiny networks and many small operations gain nothing from more, and lose much where other programs run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def scans(tmp_path):
    """A folder of three synthetic scans, `sub-0_t1.nii.gz` and so on."""
    return write_scans(tmp_path)


@pytest.fixture(scope="session")
def t1_path(tmp_path_factory):
    """A T1w head."""
    if DATA.is_dir():
        return DATA / "val" / "sct_test_t1.nii.gz"
    from nilearn.datasets import load_mni152_template

    image = load_mni152_template(resolution=2)
    path = tmp_path_factory.mktemp("t1") / "mni152.nii.gz"
    write_volume(Volume(image.get_fdata(dtype=np.float32)[20:80, 20:80, 20:70], image.affine), path)
    return path


@pytest.fixture(scope="session")
def thick_path(t1_path, tmp_path_factory):
    """A scan with thick slices: of the real one the middle of each slice, its header and the type of its voxels as they are."""
    path = tmp_path_factory.mktemp("thick") / "thick.nii.gz"
    if DATA.is_dir():
        image = nib.load(DATA / "val" / "sct_test_t2s.nii.gz")
        nib.save(image.slicer[80:240, 80:240], path)
        return path
    write_volume(PROTOCOLS["thick4"].simulate(prepare_reference(read_volume(t1_path))), path)
    return path
