"""Broken headers and odd arrays: whatever comes, the only errors are the project's own."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.conftest import oblique_affine
from mrisr.errors import MrisrError
from mrisr.image.files import read_volume
from mrisr.image.grid import Target
from mrisr.image.volume import Volume
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings

BYTES = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A small valid file of each kind."""
    folder = tmp_path_factory.mktemp("originals")
    array = np.random.default_rng(0).random((6, 5, 4)).astype(np.float32)
    nib.save(nib.Nifti1Image(array, oblique_affine()), folder / "a.nii")
    nib.save(nib.MGHImage(array, oblique_affine()), folder / "a.mgh")
    for suffix in ("nrrd", "mha"):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / f"a.{suffix}"))
    return folder


@pytest.mark.parametrize("suffix", ["nii", "mgh", "nrrd", "mha"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=BYTES, length=st.none() | st.integers(0, 700))
def test_a_damaged_header_never_crashes(originals, suffix, changes, length):
    content = bytearray((originals / f"a.{suffix}").read_bytes())
    for position, value in changes:
        if position < len(content):
            content[position] = value
    damaged = originals / f"damaged.{suffix}"
    damaged.write_bytes(content[:length])
    try:
        volume = read_volume(damaged)
    except MrisrError as error:
        assert str(error).strip()
    else:
        assert volume.array.ndim == 3
        assert np.isfinite(volume.affine).all()


ARRAYS = hnp.arrays(
    dtype=st.sampled_from([np.float32, np.float64, np.int16, np.uint8, np.int64, np.complex64, np.bool_]),
    shape=hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=7),
)
AFFINES = hnp.arrays(np.float64, (4, 4), elements=st.floats(allow_nan=True, allow_infinity=True)) | st.builds(
    oblique_affine, st.tuples(*[st.floats(0.1, 10)] * 3), st.tuples(*[st.floats(-3, 3)] * 3)
)
TARGETS = (
    st.none() | st.just(Target.isotropic()) | st.builds(Target.factor, st.tuples(*[st.floats(0.5, 3)] * 3))
)


@settings(max_examples=250, deadline=None)
@given(
    array=ARRAYS,
    affine=AFFINES,
    target=TARGETS,
    model=st.sampled_from(["linear", "cubic", "lanczos"]),
    consistency=st.integers(0, 2),
    detail=st.floats(0, 1),
)
def test_odd_volumes_are_enhanced_or_refused(array, affine, target, model, consistency, detail):
    wanted = Settings(model=model, target=target, consistency=consistency, detail=detail, residual=True)
    try:
        result = enhance(Volume(array, affine), wanted)
    except MrisrError as error:
        assert str(error).strip()
    else:
        # In double precision where single would round the values.
        assert result.volume.array.dtype in (np.float32, np.float64)
        assert np.isfinite(result.volume.array).all()
        assert np.isfinite(result.volume.affine).all()
        assert result.residual.shape == array.shape


@settings(max_examples=50, deadline=None)
@given(factor=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=4))
def test_odd_factors_are_taken_or_refused(factor):
    volume = Volume(np.ones((3, 3, 3), np.float32), np.eye(4))
    try:
        enhance(volume, Settings(target=Target.factor(factor)))
    except MrisrError as error:
        assert str(error).strip()
