"""Real pairs: brought onto the scan's own raster and brightness, as a network will meet such scans in use."""

import numpy as np
import pytest
from scipy import ndimage

from engine.training_helpers import balls
from mrisr.errors import Cancelled, ConfigError, FileError, InputError
from mrisr.image.files import write_volume
from mrisr.image.volume import Volume
from mrisr.neural.conditioning import Inputs
from mrisr.physics.protocols import PROTOCOLS
from mrisr.progress import CancelToken, Monitor
from mrisr.training.data.feed import Feed
from mrisr.training.data.pairs import Pair, PairDataset, check_pairs, match, pair_files, read_pairs
from mrisr.training.data.patches import PatchSampling

SIGMA = 4.0
THICK = 4.0
FWHM_PER_SIGMA = 8**0.5 * np.log(2) ** 0.5

RNG = np.random.default_rng(5)
BLOBS = [
    (centre, height)
    for centre, height in zip(RNG.uniform(10, 38, (40, 3)), RNG.uniform(100, 400, 40), strict=True)
]


def head(x, y, z, blur=0.0):
    """A smooth object at positions in mm along the axes, (i, j, k); `blur`: FWHM in mm of a Gaussian slice profile along z."""
    wide = (SIGMA**2 + (blur / FWHM_PER_SIGMA) ** 2) ** 0.5
    total = np.zeros((len(x), len(y), len(z)))
    for (a, b, c), height in BLOBS:
        along = [np.exp(-((x - a) ** 2) / (2 * SIGMA**2)), np.exp(-((y - b) ** 2) / (2 * SIGMA**2))]
        across = SIGMA / wide * np.exp(-((z - c) ** 2) / (2 * wide**2))
        total += height * along[0][:, None, None] * along[1][:, None] * across
    return total.astype(np.float32)


def placed(spacing, origin):
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    return affine


def positions(n, spacing, origin):
    return origin + spacing * np.arange(n)


def thick_scan():
    """12 slices of 4 mm, the first one's centre at z = 0; 1 mm within them."""
    x = positions(48, 1.0, 0.0)
    return Volume(head(x, x, positions(12, THICK, 0.0), blur=THICK), placed((1, 1, THICK), (0, 0, 0)))


def fine_scan(n=48, begin=-1.5, spacing=1.0, gain=1.0):
    """Slices of `spacing` mm from z = `begin` on."""
    x = positions(48, 1.0, 0.0)
    return Volume(gain * head(x, x, positions(n, spacing, begin)), placed((1, 1, spacing), (0, 0, begin)))


def paired(folder, low, high, projections=0):
    """The pair of two volumes, by way of files."""
    write_volume(low, folder / "low.nii.gz")
    write_volume(high, folder / "high.nii.gz")
    return read_pairs(
        [(folder / "low.nii.gz", folder / "high.nii.gz")], "cubic", Inputs(projections=projections)
    )[0]


def scale_of(low):
    return np.percentile(low.array, 99.9)


@pytest.mark.parametrize(
    ("begin", "first", "slices"),
    [(-1.5 + 2.0, 2.0, 11), (-1.5 + 1.3, 2.0, 11), (-1.5 - 1.7, -2.0, 11), (-1.5 + 8.0, 6.0, 10)],
    ids=["half a slice later", "a part of one later", "earlier", "two slices later"],
)
def test_a_better_scan_that_begins_elsewhere_is_brought_onto_the_scans_raster(tmp_path, begin, first, slices):
    low = thick_scan()
    pair = paired(tmp_path, low, fine_scan(begin=begin))
    z = positions(pair.target.shape[0], 1.0, first + 0.5)
    x = positions(48, 1.0, 0.0)
    truth = head(x, x, z).transpose(2, 0, 1) / scale_of(low)
    assert pair.lost == pytest.approx((4, 1, 1))
    assert pair.target.shape[0] == 4 * slices
    assert np.abs(pair.target - truth).max() < 0.01
    initial = ndimage.map_coordinates(
        low.array, np.meshgrid(x, x, z / THICK, indexing="ij"), order=3, mode="mirror"
    )
    assert np.allclose(pair.initial[0], initial.transpose(2, 0, 1) / scale_of(low), atol=1e-4)


def test_the_planes_tell_where_between_measured_slices_a_voxel_lies(tmp_path):
    low = thick_scan()
    data = PairDataset(
        [paired(tmp_path, low, fine_scan(begin=0.5))], PatchSampling(size=(8, 8, 8), chunk=4, multiple=2)
    )
    batches = Feed(data, chunk=4, batch=1, inputs=Inputs(phase=True), workers=0).batches()
    for start, batch in zip(data[0].starts.tolist(), batches, strict=False):
        # The first slice that the better scan covers begins at z = 2 mm; slices are measured at multiples of 4 mm.
        z = 2.5 + start[0] + np.arange(8)
        truth = head(start[1] + np.arange(8.0), start[2] + np.arange(8.0), z).transpose(2, 0, 1) / scale_of(
            low
        )
        assert np.abs(batch.target[0, 0].numpy() - truth).max() < 0.01
        assert np.allclose(batch.inputs[0, 2, :, 0, 0], np.cos(2 * np.pi * z / THICK), atol=1e-4)
        assert np.allclose(batch.inputs[0, 3, :, 0, 0], np.sin(2 * np.pi * z / THICK), atol=1e-4)


def test_what_matches_lies_together_in_space(tmp_path):
    low = thick_scan()
    write_volume(low, tmp_path / "low.nii.gz")
    write_volume(fine_scan(begin=0.5), tmp_path / "high.nii.gz")
    matched = match(tmp_path / "low.nii.gz", tmp_path / "high.nii.gz")
    assert np.allclose(matched.target.corners, matched.measured.corners)
    assert np.allclose(matched.target.affine, placed((1, 1, 1), (0, 0, 2.5)))
    assert np.allclose(matched.measured.array, low.array[:, :, 1:] / scale_of(low), atol=1e-5)
    assert np.allclose(matched.operator.forward(matched.target.array), matched.measured.array, atol=0.02)


def test_a_better_scan_that_lies_right_is_left_as_it_is(tmp_path):
    better = Volume(balls(1), np.eye(4))
    pair = paired(tmp_path, PROTOCOLS["thick4"].simulate(better, axis=2), better)
    factor = pair.target.max() / better.array.max()
    assert pair.target.shape == (48, 48, 48)
    assert np.allclose(pair.target, factor * better.array.transpose(2, 0, 1), atol=1e-6)
    sharp = Volume(better.array, placed((1, 1, 1), (0, 0, 4e-4)))
    assert np.allclose(
        paired(tmp_path, PROTOCOLS["thick4"].simulate(better, axis=2), sharp).target, pair.target, atol=1e-4
    )


def test_voxels_that_only_one_of_the_two_shows_are_left_out(tmp_path):
    low, better = thick_scan(), fine_scan(n=80)
    assert paired(tmp_path, low, better).target.shape == (48, 48, 48)
    assert paired(tmp_path, low, fine_scan(n=30)).target.shape == (30, 48, 48)
    small = better.cropped((5, 0, 11), (40, 48, 37))
    # Slices from 10 mm to 34 mm lie wholly in what is left, which is from 9 mm to 35 mm.
    assert paired(tmp_path, low, small).target.shape == (24, 35, 48)


def test_a_factor_that_is_not_whole_is_kept(tmp_path):
    pair = paired(tmp_path, thick_scan(), fine_scan(n=32, begin=0.1, spacing=1.6))
    assert pair.lost == pytest.approx((2.5, 1, 1))
    z = positions(pair.target.shape[0], 1.6, 2.8)
    x = positions(48, 1.0, 0.0)
    assert np.abs(pair.target - head(x, x, z).transpose(2, 0, 1) / scale_of(thick_scan())).max() < 0.02


def test_the_target_is_nowhere_coarser_than_the_scan(tmp_path):
    coarse, z = positions(40, 1.2, 0.3), positions(48, 1.0, -1.5)
    better = Volume(head(coarse, coarse, z), placed((1.2, 1.2, 1), (0.3, 0.3, -1.5)))
    pair = paired(tmp_path, thick_scan(), better)
    assert pair.lost == pytest.approx((4, 1, 1))
    # Its field of view begins at -0.3 mm, within the scan's first voxel.
    x = positions(47, 1.0, 1.0)
    assert np.abs(pair.target - head(x, x, z).transpose(2, 0, 1) / scale_of(thick_scan())).max() < 0.01


def test_an_axis_that_runs_the_other_way_changes_nothing(tmp_path):
    low, better = thick_scan(), fine_scan()
    turned = Volume(better.array[:, :, ::-1].copy(), better.affine @ placed((1, 1, -1), (0, 0, 47)))
    assert np.allclose(paired(tmp_path, low, turned).target, paired(tmp_path, low, better).target, atol=1e-5)


@pytest.mark.parametrize("gain", [0.2, 7.3])
def test_brightness_is_the_scans_whatever_else_the_better_one_shows(tmp_path, gain):
    low, better = thick_scan(), fine_scan(n=96, gain=gain)
    better.array[10:20, 10:20, 60:] = 4 * better.array.max()
    x = positions(48, 1.0, 0.0)
    truth = head(x, x, positions(48, 1.0, -1.5)).transpose(2, 0, 1) / scale_of(low)
    target = paired(tmp_path, low, better).target
    assert (target * truth).sum() / (truth**2).sum() == pytest.approx(1, abs=2e-3)


def test_edges_that_only_the_better_scan_resolves_do_not_darken_it(tmp_path):
    better = Volume(balls(1), np.eye(4))
    low = PROTOCOLS["thick4"].simulate(better, axis=2)
    target = paired(tmp_path, low, better).target
    assert target.max() == pytest.approx(better.array.max() / scale_of(low), rel=2e-3)


def test_what_the_scan_does_not_show_does_not_count_for_the_brightness(tmp_path):
    better = Volume(balls(1), np.eye(4))
    low = PROTOCOLS["thick4"].simulate(better, axis=2)
    low.array[:20] = 0
    assert paired(tmp_path, low, better).target.max() == pytest.approx(
        better.array.max() / scale_of(low), rel=2e-3
    )


def test_a_second_estimate_agrees_better_with_the_truth(tmp_path):
    from mrisr.neural.conditioning import MAGNIFIED

    pair = paired(tmp_path, thick_scan(), fine_scan(begin=0.5), projections=2)
    initial, added = pair.initial
    inner = slice(6, -6)
    errors = [
        ((estimate - pair.target)[inner] ** 2).mean() for estimate in (initial, initial + added / MAGNIFIED)
    ]
    assert errors[1] < errors[0]


@pytest.mark.parametrize(
    ("better", "message"),
    [
        (lambda: fine_scan(begin=200.0), "do not overlap"),
        (
            lambda: Volume(
                fine_scan().array.transpose(0, 2, 1).copy(), placed((1, 1, 1), (0, 0, 0))[[0, 2, 1, 3]]
            ),
            "rotated",
        ),
        (
            lambda: Volume(
                np.pad(np.arange(1, 9, dtype=np.float32).reshape(2, 2, 2), ((0, 46), (0, 46), (0, 46))),
                fine_scan().affine,
            ),
            "nothing at the same",
        ),
    ],
)
def test_scans_that_cannot_be_a_pair_are_named(tmp_path, better, message):
    with pytest.raises(ConfigError, match=rf"low\.nii\.gz and .*high\.nii\.gz cannot be a pair: .*{message}"):
        paired(tmp_path, thick_scan(), better())


def test_a_scan_of_a_pair_that_cannot_be_read_is_named_with_its_folder(tmp_path):
    write_volume(thick_scan(), tmp_path / "low.nii.gz")
    (tmp_path / "high.nii.gz").write_bytes(b"no image")
    with pytest.raises(FileError, match=f"^{tmp_path}/high.nii.gz: "):
        read_pairs([(tmp_path / "low.nii.gz", tmp_path / "high.nii.gz")], "cubic")
    write_volume(thick_scan().with_array(np.full((48, 48, 12), np.nan, np.float32)), tmp_path / "high.nii.gz")
    with pytest.raises(InputError, match=f"^{tmp_path}/high.nii.gz: "):
        read_pairs([(tmp_path / "low.nii.gz", tmp_path / "high.nii.gz")], "cubic")


def test_reading_pairs_reports_and_can_be_stopped(tmp_path):
    paired(tmp_path, thick_scan(), fine_scan())
    steps, token = [], CancelToken()
    row = (tmp_path / "low.nii.gz", tmp_path / "high.nii.gz")
    read_pairs([row], "cubic", monitor=Monitor(progress=lambda *step: steps.append(step)))
    assert steps == [("reading pairs", 0, 1), ("reading pairs", 1, 1)]
    token.cancel()
    with pytest.raises(Cancelled):
        read_pairs([row], "cubic", monitor=Monitor(cancel=token))


def lost(*factors):
    return Pair("a and b", np.zeros((1, 2, 2, 2), np.float32), np.zeros((2, 2, 2), np.float32), factors)


@pytest.mark.parametrize(
    ("refines", "fitting", "others"),
    [
        ("one", [(4, 1, 1), (2.2, 1.0005, 0.999)], [(1, 1, 1), (4, 1.02, 1), (2, 2, 2)]),
        ("two", [(2, 2, 1), (1, 1, 1)], [(4, 1, 1), (2, 2, 2)]),
        ("all", [(2, 2, 2), (4, 1.5, 1.5), (1, 1, 1)], [(2, 2, 1), (4, 1, 1)]),
    ],
)
def test_pairs_that_do_not_fit_what_is_refined_are_named(refines, fitting, others):
    check_pairs([lost(*factors) for factors in fitting], refines)
    for factors in others:
        with pytest.raises(ConfigError, match=rf'a and b .*degradation\.refines = "{refines}"'):
            check_pairs([lost(*fitting[0]), lost(*factors)], refines)


def test_the_rows_of_a_table_are_its_files(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz", "c d.nii.gz"):
        (tmp_path / name).touch()
    content = f"\ufeffwho,low, high\n1,a.nii.gz, b.nii.gz\n\n2,{tmp_path}/a.nii.gz,c d.nii.gz\n"
    (tmp_path / "pairs.csv").write_text(content, encoding="utf-8")
    low, high, other = (tmp_path / name for name in ("a.nii.gz", "b.nii.gz", "c d.nii.gz"))
    assert pair_files(tmp_path / "pairs.csv") == [(low, high), (low, other)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"low,high\na.nii.gz,a.nii.gz\na.nii.gz\n", "line 3 has no high"),
        (b"low,high\n,a.nii.gz\n", "line 2 has no low"),
        (b"low;high\na.nii.gz;a.nii.gz\n", "columns low and high"),
        (b"low,high\n\xe9.nii.gz,a.nii.gz\n", "columns low and high"),
        (b"low,high\n", "is empty"),
        (b"", "is empty"),
        (
            b"low,high\na.nii.gz,a.nii.gz\na.nii.gz,gone.nii.gz\n",
            r"Line 3 .*gone\.nii\.gz, which does not exist",
        ),
    ],
)
def test_a_table_that_cannot_be_used_says_where(tmp_path, content, message):
    (tmp_path / "a.nii.gz").touch()
    (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        pair_files(tmp_path / "pairs.csv")


def test_a_table_that_is_missing_says_what_it_needs(tmp_path):
    with pytest.raises(ConfigError, match="columns low and high"):
        pair_files(tmp_path / "none.csv")


def test_patches_are_cut_from_pairs_and_small_ones_are_named(tmp_path):
    pair = paired(tmp_path, thick_scan(), fine_scan())
    chunk = PairDataset([pair], PatchSampling(size=(16, 16, 16), chunk=2, multiple=4))[0]
    assert chunk.initial.shape == chunk.target.shape == (2, 1, 16, 16, 16)
    assert (chunk.starts % 4 == 0).all()
    a, b, c = chunk.starts[1].tolist()
    assert np.array_equal(chunk.target[1, 0], pair.target[a : a + 16, b : b + 16, c : c + 16])
    with pytest.raises(ConfigError, match=r"high\.nii\.gz has only 48x48x48 voxels"):
        PairDataset([pair], PatchSampling(size=(64, 16, 16), chunk=2, multiple=4))
