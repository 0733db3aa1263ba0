"""Stacks of one subject become one volume: nearer to the truth than any of them, wherever they lie, whatever is wrong with one."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from mrisr import Target, Volume
from mrisr.cli import main
from mrisr.errors import Cancelled, InputError
from mrisr.fusion.field import covering
from mrisr.fusion.fuse_scans import fuse
from mrisr.fusion.intensities import matching
from mrisr.fusion.reconstruction import SLIGHT, Part, reconstruct, unexplained
from mrisr.fusion.registration import register
from mrisr.fusion.settings import NO_MODEL, FusionSettings
from mrisr.fusion.suitability import Scan
from mrisr.image.files import read_volume, write_volume
from mrisr.image.metrics import score
from mrisr.jobs.fusion import subject_of
from mrisr.physics.interpolation import interpolate
from mrisr.physics.observation import Measurement
from mrisr.physics.operators import SeparableOperator
from mrisr.physics.resampling import rigid
from mrisr.physics.stacks import STACKS, Motion
from mrisr.progress import CancelToken, Monitor

SHAPE = (28, 32, 28)
TOLD = FusionSettings(acquisition="thick4", register="none", device="cpu")


def head(seed: int = 0) -> Volume:
    """An ellipsoid of blobs, edges and texture, in air; peak about 1."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(-1.25, 1.25, n) for n in SHAPE), indexing="ij"))
    inside = (grid**2).sum(axis=0) < 1
    blobs = gaussian_filter(rng.standard_normal(SHAPE), 3) > 0
    texture = gaussian_filter(rng.standard_normal(SHAPE), 1)
    array = inside * (0.45 + 0.35 * blobs + 0.15 * texture / texture.std())
    return Volume(np.clip(array, 0, 1).astype(np.float32), np.diag([1.0, 1.0, 1.0, 1.0]))


def scans_of(stacks) -> list[Scan]:
    return [Scan(f"scan {number}", stack.volume) for number, stack in enumerate(stacks, 1)]


def psnr(truth: Volume, array: np.ndarray) -> float:
    return score(truth.array, np.clip(array, 0, 1)).psnr_mask


@pytest.fixture(scope="module")
def truth() -> Volume:
    return head()


@pytest.fixture(scope="module")
def still(truth):
    return STACKS["stacks3-thick4"].simulate(truth)


@pytest.fixture(scope="module")
def fused(still):
    return fuse(scans_of(still), replace(TOLD, leave_one_out=True))


def best_cubic(truth, stacks) -> float:
    return max(psnr(truth, interpolate(s.volume.array, s.volume.grid, truth.grid)) for s in stacks)


def test_three_stacks_beat_the_best_of_them_by_far(truth, still, fused):
    assert psnr(truth, fused.volume.array) > best_cubic(truth, still) + 4
    two = fuse(scans_of(still[:2]), TOLD)
    assert psnr(truth, fused.volume.array) > psnr(truth, two.volume.array) + 0.5


def test_verdicts_coverage_and_spread_come_with_it(truth, still, fused):
    assert [verdict.color for verdict in fused.verdicts] == ["green"] * 3
    assert (fused.coverage.array == 3).all()
    head, air = truth.array > 0.2, truth.array == 0
    assert fused.spread.array[head].mean() > 5 * fused.spread.array[air].mean()
    record = fused.provenance
    assert [each["input"] for each in record["inputs"]] == ["scan 1", "scan 2", "scan 3"]
    assert record["inputs"][1]["transform"] == np.eye(4).tolist()
    json.dumps(record)


def test_motion_between_stacks_is_found(truth):
    stacks = STACKS["stacks2-thick4"].simulate(truth, Motion(2, 3), 0.01, seed=4)
    moved = fuse(scans_of(stacks), replace(TOLD, register="rigid"))
    corners = np.array([[6, 6, 6, 1], [22, 6, 6, 1], [6, 26, 6, 1], [14, 16, 22, 1.0]])
    found, true = (corners @ place.T for place in (moved.transforms[1], stacks[1].transforms[0]))
    assert np.linalg.norm((found - true)[:, :3], axis=1).max() < 0.4
    unmoved = fuse(scans_of(stacks), TOLD)
    assert psnr(truth, moved.volume.array) > psnr(truth, unmoved.volume.array) + 1.5


def displaced(stack, mm: float) -> Volume:
    """A scan whose header is wrong by so many mm along each axis."""
    return Volume(stack.volume.array, rigid((0, 0, 0), (0, 0, 0), (mm, mm, mm)) @ stack.volume.affine)


def test_the_result_lies_where_most_headers_say_if_that_is_near(truth, still):
    """The first scan's header is off by a quarter of a voxel: the others agree with the truth, and so does the result."""
    scans = [Scan("off", displaced(still[0], 0.25)), *scans_of(still)[1:]]
    result = fuse(scans, replace(TOLD, register="rigid", model=NO_MODEL))
    assert np.linalg.norm(result.transforms[0][:3, 3] + 0.25) < 0.4 * np.linalg.norm([0.25] * 3)
    for other in result.transforms[1:]:
        np.testing.assert_allclose(other[:3, 3], 0, atol=0.05)
    assert "red" not in [verdict.color for verdict in result.verdicts]
    assert "The other scans agree" in " ".join(result.provenance["notes"])


def test_it_lies_with_the_reference_if_most_headers_say_otherwise_by_far(still):
    scans = [Scan("off", displaced(still[0], 1.5)), *scans_of(still)[1:]]
    result = fuse(scans, replace(TOLD, register="rigid", model=NO_MODEL))
    np.testing.assert_array_equal(result.transforms[0], np.eye(4))
    np.testing.assert_allclose(result.transforms[1][:3, 3], 1.5, atol=0.2)


def test_where_scans_disagree_with_each_other_the_result_stays_with_the_reference(still):
    scans = [
        scans_of(still)[0],
        Scan("one way", displaced(still[1], 0.5)),
        Scan("other", displaced(still[2], -0.5)),
    ]
    result = fuse(scans, replace(TOLD, register="rigid", model=NO_MODEL))
    np.testing.assert_array_equal(result.transforms[0], np.eye(4))


def test_an_optimizer_that_got_lost_has_not_converged(still, monkeypatch):
    import mrisr.fusion.registration as registering

    similarities = iter([-0.9, np.inf])
    monkeypatch.setattr(registering, "metric_at", lambda *_: next(similarities))
    monkeypatch.setattr(registering, "execute", lambda *_: None)
    found = register(still[0].volume, still[1].volume)
    assert not found.converged
    np.testing.assert_array_equal(found.transform, np.eye(4))


def test_what_is_left_unexplained_is_measured_without_outliers():
    generator = torch.Generator().manual_seed(0)
    measured = torch.full((16, 16, 16), 0.5)
    part = Part(Measurement(measured, SeparableOperator((None, None, None))), torch.ones(16, 16, 16), 0.0, 2)
    x = measured + 0.004 * torch.randn(measured.shape, generator=generator)
    assert unexplained(part, part.rest(x)) == pytest.approx(0.004, rel=0.05)
    x[:, :, 3] = 0
    assert unexplained(part, part.rest(x)) == pytest.approx(0.004, rel=0.15)
    air = replace(part, measurement=Measurement(torch.zeros(16, 16, 16), SeparableOperator((None,) * 3)))
    assert unexplained(air, air.rest(x)) == 0


@pytest.mark.parametrize(("stated", "found"), [(0.0, SLIGHT), (0.05, 0.05)])
def test_it_counts_as_noise_up_to_a_limit(stated, found):
    """Two scans of one grid that differ everywhere by 20 % of the brightness: no volume explains both."""
    one = torch.rand(16, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.1 + 0.5
    parts = [
        Part(Measurement(y, SeparableOperator((None, None, None))), torch.ones(16, 16, 16), stated, 2)
        for y in (one, one + 0.2)
    ]
    assert reconstruct(parts, one).noise == pytest.approx(found)


def test_a_spoilt_slice_costs_little(truth, still):
    spoilt = [stack.volume.array.copy() for stack in still]
    spoilt[1][4] *= 0.5
    scans = [Scan(str(n), s.volume.with_array(a)) for n, (s, a) in enumerate(zip(still, spoilt, strict=True))]
    weighed = psnr(truth, fuse(scans, TOLD).volume.array)
    assert weighed > psnr(truth, fuse(scans_of(still), TOLD).volume.array) - 0.7


def test_brightness_is_matched(truth, still, fused):
    other = still[1].volume
    scans = scans_of(still)
    field = 3.0 * np.exp(0.3 * np.linspace(-1, 1, other.shape[1]))[:, None]
    scans[1] = Scan("brighter", other.with_array((other.array * field).astype(np.float32)))
    assert psnr(truth, fuse(scans, TOLD).volume.array) > psnr(truth, fused.volume.array) - 1.0


def test_a_factor_and_a_slope_are_found():
    array = head().array + 0.2
    field = np.exp(0.2 * np.linspace(-1, 1, SHAPE[0]))[:, None, None] * np.float32(2)
    found = matching((array / field).astype(np.float32), array, np.ones(SHAPE, bool))
    np.testing.assert_allclose(found / field, 1, atol=0.06)


@pytest.mark.parametrize("field", ["union", "common", "reference"])
def test_fields_of_partly_overlapping_stacks(truth, still, field):
    first, second = still[0].volume, still[1].volume
    half = second.cropped((0, 12, 0), second.shape)
    result = fuse([Scan("a", first), Scan("b", half)], replace(TOLD, field=field))
    shape = {"union": SHAPE, "reference": SHAPE, "common": (28, 20, 28)}[field]
    assert result.volume.shape == shape
    counted = set(np.unique(result.coverage.array))
    assert counted == ({2} if field == "common" else {1, 2})
    # No seam: the error does not jump where the second scan ends.
    if field != "common":
        step = np.abs(np.diff(result.volume.array - truth.array, axis=1)).mean(axis=(0, 2))
        assert step[11] < 2 * np.median(step[7:17])


def test_where_one_scan_is_alone_its_own_result_stays(still):
    first, second = still[0].volume, still[1].volume
    half = second.cropped((0, 20, 0), second.shape)
    both = fuse([Scan("a", first), Scan("b", half)], TOLD).volume.array
    far = fuse([Scan("a", first), Scan("b", second.cropped((0, 26, 0), second.shape))], TOLD).volume.array
    assert np.abs(both - far)[:, :10].mean() < 0.01


def test_spacing_and_place_of_the_reference(still):
    scans = scans_of(still)
    result = fuse(scans, replace(TOLD, reference=2, target=Target.spacing(0.8)))
    np.testing.assert_allclose(result.volume.spacing, 0.8, atol=1e-6)
    assert covering(result.volume.grid, scans[1].volume.grid, np.eye(4)).all()


def test_the_record_of_registration_turns_the_verdict_where_it_failed(still, monkeypatch):
    import mrisr.fusion.fuse_scans as fusing

    found = register(still[0].volume, still[1].volume)
    monkeypatch.setattr(fusing, "register", lambda *_args, **_kwargs: replace(found, converged=False))
    result = fuse(scans_of(still[:2]), replace(TOLD, register="rigid"))
    assert [verdict.color for verdict in result.verdicts][1] == "red"
    assert "did not converge" in result.provenance["notes"][0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda s: s[:1], "at least two"),
        (lambda s: [s[0], replace(s[0], name="again")], "the same scan"),
        (lambda s: [replace(s[0], subject="A"), replace(s[1], subject="B")], "different people"),
        (lambda s: [s[0], _shifted(s[1], 500)], "covers only 0 %"),
        (lambda s: [s[0], _turned(s[1])], "does not look like"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(still, make, words):
    with pytest.raises(InputError, match=words):
        fuse(make(scans_of(still)), replace(TOLD, register="rigid"))


def _shifted(scan: Scan, mm: float) -> Scan:
    return Scan(
        scan.name, Volume(scan.volume.array, rigid((0, 0, 0), (0, 0, 0), (mm, 0, 0)) @ scan.volume.affine)
    )


def _turned(scan: Scan) -> Scan:
    """Nothing that a rigid motion could lay onto the reference."""
    negative = np.where(scan.volume.array > 0.05, 0, 1) * np.random.default_rng(0).random(scan.volume.shape)
    return Scan("negative", scan.volume.with_array(negative.astype(np.float32)))


def test_parallel_stacks_are_allowed_and_said(truth, still):
    moved = Volume(still[0].volume.array[..., :-1], still[0].volume.affine)
    result = fuse([scans_of(still)[0], Scan("parallel", moved)], TOLD)
    assert "same direction" in result.provenance["notes"][0]


def test_settings_are_checked():
    for wrong in ({"field": "all"}, {"register": "affine"}, {"motion": "volumes"}):
        with pytest.raises(InputError, match="must be one of"):
            FusionSettings(**wrong)
    with pytest.raises(InputError, match="2 acquisitions"):
        FusionSettings(acquisition=("thick4", "thick4")).stated(3)


def test_it_stops_when_asked(still):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        fuse(scans_of(still), TOLD, monitor=Monitor(cancel=cancel))


def test_slices_that_moved_are_placed_one_by_one(truth):
    stacks = STACKS["stacks2-thick4"].simulate(truth, Motion(slice_mm=1.0, slice_degrees=1.0), seed=2)
    whole, each = (fuse(scans_of(stacks), replace(TOLD, motion=how)) for how in ("none", "slices"))
    assert psnr(truth, each.volume.array) > psnr(truth, whole.volume.array) + 0.3
    assert len(each.provenance["inputs"][0]["slice_transforms"]) == stacks[0].volume.shape[stacks[0].axis]


def test_commands_simulate_and_fuse(truth, tmp_path, capsys):
    write_volume(truth, tmp_path / "truth.nii.gz")
    out = str(tmp_path / "low.nii.gz")
    assert (
        main(
            [
                "simulate",
                str(tmp_path / "truth.nii.gz"),
                out,
                "--protocol",
                "stacks2-thick4",
                "--motion-mm",
                "1",
            ]
        )
        == 0
    )
    lows = [str(tmp_path / f"low_{n}.nii.gz") for n in (1, 2)]
    told = json.loads((tmp_path / "low_2.json").read_text())
    assert np.linalg.norm(np.array(told["transforms"][0])[:3, 3]) == pytest.approx(1, abs=1e-6)
    result = tmp_path / "fused.nii.gz"
    assert (
        main(["fuse", *lows, str(result), "--coverage", str(tmp_path / "seen.nii.gz"), "--device", "cpu"])
        == 0
    )
    assert read_volume(result).shape == SHAPE
    assert "low_2.nii.gz: " in capsys.readouterr().out
    record = json.loads((tmp_path / "fused.json").read_text())
    assert [each["input"] for each in record["inputs"]] == ["low_1.nii.gz", "low_2.nii.gz"]
    assert main(["fuse", lows[0], lows[0]]) == 2
    assert main(["simulate", lows[0], out, "--protocol", "thick4", "--noise", "0.1"]) == 2


def test_who_a_scan_is_of(tmp_path):
    assert subject_of(tmp_path / "sub-07_ses-1_T2w.nii.gz") == "sub-07"
    assert subject_of(tmp_path / "axial.nii.gz") == ""
