"""How a scan was made, estimated from scans that were simulated with a known profile."""

import ast
import re

import numpy as np
import pytest

from engine.conftest import DATA
from engine.trust_scans import oversampled
from mrisr.cli import main
from mrisr.evaluation.acquisitions import samples
from mrisr.image.files import read_volume, write_volume
from mrisr.image.volume import Volume
from mrisr.physics.acquisition import Acquisition
from mrisr.physics.estimation import estimate, slice_axis
from mrisr.physics.protocols import prepare_reference


def tissue(shape=(104, 104, 104), seed=5):
    """Texture without a direction whose spectrum falls as that of anatomy does, 200 to 800."""
    frequency = np.sqrt(sum(np.square(f) for f in np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij")))
    noise = np.random.default_rng(seed).standard_normal(shape)
    field = np.fft.ifftn(np.fft.fftn(noise) / (0.02 + frequency) ** 1.8).real
    return Volume(np.clip(500 + 90 * field / field.std(), 200, 800).astype(np.float32), np.eye(4))


SHARP = tissue()


def sliced(reference, width, profile="gaussian", axis=2, factor=4.0, noise=0.0):
    """Thick slices along an axis of a sharp reference."""
    hit = [a == axis for a in range(3)]
    acquisition = Acquisition(
        profile=tuple(profile if h else "none" for h in hit),
        width=tuple(width if h else 1.0 for h in hit),
        noise=noise,
    )
    return acquisition.simulate(reference, reference.grid.resampled([1 / factor if h else 1 for h in hit]), 1)


@pytest.mark.parametrize("noise", [0.0, 0.03])
@pytest.mark.parametrize("axis", [0, 2])
def test_the_width_of_slices_is_found(axis, noise):
    widths = [estimate(sliced(SHARP, w, axis=axis, noise=noise)).width[axis] for w in (0.5, 0.75, 1.0, 1.25)]
    assert widths == pytest.approx([0.5, 0.75, 1.0, 1.25], abs=0.15)
    assert widths == sorted(widths)


def test_rectangles_look_narrower_than_gaussians_as_wide():
    found = estimate(sliced(SHARP, 1.0, "rectangle")).width[2]
    assert found == pytest.approx(0.69, abs=0.15)


@pytest.mark.parametrize(("profile", "looks"), [("gaussian", 1.0), ("rectangle", 0.69)])
def test_a_coarse_axis_is_found_beside_a_coarser_one(profile, looks):
    deep = Volume(SHARP.array, np.diag([1.0, 1, 8, 1]))
    found = estimate(sliced(deep, 1.0, profile, axis=1))
    assert found.width[1] == pytest.approx(looks, abs=0.15)
    assert found.width[0] != found.width[1]


def test_slices_limited_in_kspace_are_named():
    assert estimate(sliced(SHARP, 1.0, "kspace")).kind[2] == "kspace"
    assert estimate(sliced(SHARP, 1.0)).kind[2] == "gaussian"


def test_brightness_shading_and_masks_change_little():
    scan = sliced(SHARP, 0.75)
    plain = estimate(scan).width[2]
    i, j, k = np.meshgrid(*[np.linspace(0, 1, n) for n in scan.shape], indexing="ij")
    shaded = scan.with_array(scan.array * (0.6 + 0.5 * i + 0.2 * j) * 37)
    assert estimate(shaded).width[2] == pytest.approx(plain, abs=0.06)
    outside = (i - 0.5) ** 2 + (j - 0.5) ** 2 + (k - 0.5) ** 2 > 0.12
    stripped = scan.with_array(np.where(outside, 0, scan.array))
    assert estimate(stripped).width[2] == pytest.approx(plain, abs=0.15)
    cropped = scan.cropped((24, 22, 4), (80, 78, 28))
    assert estimate(cropped).width[2] == pytest.approx(plain, abs=0.15)


def test_few_slices_and_air_do_not_tell_and_say_why():
    thin = sliced(SHARP, 0.75).cropped((0, 0, 10), (104, 104, 16))
    found = estimate(thin)
    assert found.width[2] is None
    assert "only 6 slices" in found.sentence
    empty = estimate(Volume(np.zeros((64, 64, 20), np.float32), np.diag([1.0, 1, 5, 1])))
    assert empty.width == (None, None, None)
    assert "inside the object" in empty.sentence


def test_a_slab_of_twelve_slices_is_measured_or_unknown():
    found = estimate(sliced(SHARP, 0.75).cropped((0, 0, 10), (104, 104, 22)))
    width, error = found.width[2], found.error[2]
    assert width is None or abs(width - 0.75) < 3 * error


def test_noise_alone_is_no_profile():
    noise = np.abs(np.random.default_rng(0).normal(100, 5, (96, 96, 24)))
    found = estimate(Volume(noise.astype(np.float32), np.diag([1.0, 1, 4, 1])))
    assert found.width[2] is None
    assert "noise" in found.sentence


def test_an_interpolated_axis_is_told_by_its_fraction():
    found = estimate(oversampled(SHARP, 1))
    assert found.resolved[1] == pytest.approx(0.5, abs=0.06)
    assert found.resolved[0] == found.resolved[2] == 1
    assert found.width[1] is None
    assert "interpolated" in found.sentence


def test_the_axis_across_slices():
    assert slice_axis(Volume(np.zeros((4, 4, 4)), np.diag([1.0, 3, 1, 1]))) == 1
    assert slice_axis(Volume(np.zeros((4, 4, 4)), np.diag([1.0, 1.4, 1, 1]))) is None
    assert slice_axis(Volume(np.zeros((4, 4, 4)), np.diag([1.0, 4, 4, 1]))) is None


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared scans")
def test_boxes_of_real_heads():
    """Of scans that nothing was learned from."""
    for name in ("philips_mprage_t1", "uih_t1_s1", "M2307_t2"):
        whole = prepare_reference(read_volume(DATA / "val" / f"{name}.nii.gz"))
        start = [(n - 96) // 2 for n in whole.shape]
        box = whole.cropped(tuple(start), tuple(s + 96 for s in start))
        axis = 1
        one = estimate(sliced(box, 1.0, axis=axis)).width[axis]
        for width, profile in ((0.5, "gaussian"), (0.75, "gaussian"), (1.0, "rectangle")):
            assert estimate(sliced(box, width, profile, axis=axis)).width[axis] < min(one, 0.9) - 0.05
        coarse = box.grid.resampled([0.5] * 3)
        for profile in ("kspace", "gaussian"):
            scan = Acquisition(profile=(profile,) * 3).simulate(box, coarse)
            assert set(estimate(scan).kind) == {profile}, name


def test_the_command_fits_and_judges(tmp_path, capsys):
    paths = [tmp_path / f"{name}.nii.gz" for name in ("one", "two", "three")]
    for seed, path in enumerate(paths):
        write_volume(tissue((72, 64, 68), seed), path)
    command = ["calibrate-acquisition", *map(str, paths[:2]), "--boxes", "1", "--judge", str(paths[2])]
    assert main(command) == 0
    printed = capsys.readouterr().out
    learned = dict(re.findall(r"^([A-Z_]+) = (.+)$", printed, re.MULTILINE))
    assert set(learned) == {"KSPACE", "SQUARE", "WIDTH_SD"}
    weights = np.array(ast.literal_eval(learned["KSPACE"]))
    scans = samples("three", read_volume(paths[2]), boxes=1)
    told = {
        kind: [s.bands @ weights[:9] + weights[9] for s in scans if s.thick is None and s.kind == kind]
        for kind in ("kspace", "gaussian")
    }
    assert np.mean(told["kspace"]) > 0 > np.mean(told["gaussian"])
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| slices, gaussian")]
    assert len(rows) == 4
    assert all(sum(map(int, row[3:6])) == int(row[2]) == 1 for row in rows)
