"""Scans for the tests of trust: heads that are resolved on their grid, and inventions."""

import numpy as np
from scipy import ndimage

from engine.conftest import DATA, phantom
from mrisr.image.files import read_volume
from mrisr.image.volume import Volume
from mrisr.physics.acquisition import rician
from mrisr.physics.protocols import PROTOCOLS, prepare_reference


def reference(contrast):
    """A T1w or T2w reference on [0, 1]; without the shared scans, a phantom of another texture for each."""
    if DATA.is_dir():
        return prepare_reference(read_volume(DATA / "val" / f"sct_test_{contrast}.nii.gz"))
    made = phantom((48, 60, 52), seed={"t1": 3, "t2": 7}[contrast])
    noise = np.random.default_rng(0).normal(0, 15, made.shape)
    return prepare_reference(made.with_array(np.abs(made.array + noise).astype(np.float32)))


def degraded(volume, name, seed=0):
    """The scan a protocol makes of a reference, and its acquisition."""
    protocol = PROTOCOLS[name]
    return protocol.simulate(volume, seed=seed), protocol.acquisition(protocol.affected(volume.orientation))


def with_lesion(volume, tissue, amplitude, sigma=3.0):
    """A volume with a round spot (sigma in mm) where the tissue is thick, and the spot's voxel."""
    where = np.unravel_index(
        int(np.argmax(ndimage.gaussian_filter((tissue > 0.2).astype(np.float32), 6))), volume.shape
    )
    distance = sum(
        ((np.arange(n) - c) * s).reshape([-1 if a == axis else 1 for a in range(3)]) ** 2
        for axis, (n, c, s) in enumerate(zip(volume.shape, where, volume.spacing, strict=True))
    )
    spot = amplitude * np.exp(-distance / (2 * sigma**2))
    return volume.with_array((volume.array + spot).astype(np.float32)), np.array(where)


def place(volume, index):
    """The RAS position of a voxel."""
    return (volume.affine @ np.array([*index, 1.0]))[:3]


def oversampled(volume, axis, times=2):
    """The volume zero-filled in k-space along an axis."""
    from scipy.signal import resample

    affine = volume.affine.copy()
    affine[:3, axis] /= times
    return Volume(
        np.abs(resample(volume.array, times * volume.shape[axis], axis=axis)).astype(np.float32), affine
    )


def head(shape=(64, 60, 56), noise=0.01, seed=0):
    """A made-up head whose spectrum falls as those of scans do (amplitude as 1/f), with Rician noise; 0 to about 900."""
    rng = np.random.default_rng(seed)
    frequency = np.sqrt(sum(np.square(f) for f in np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")))
    texture = np.fft.ifftn(np.fft.fftn(rng.standard_normal(shape)) / (0.02 + frequency) ** 1.5).real
    radius = np.sqrt(
        sum(np.square(a) for a in np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))
    )
    tissue = ndimage.gaussian_filter((radius < 0.8).astype(np.float32), 0.8)
    clean = np.clip(450 + 120 * texture / texture.std(), 60, 880) * tissue
    return Volume(rician(clean.astype(np.float32), 900 * noise, rng), np.eye(4))
