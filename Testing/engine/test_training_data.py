"""Training data: which scans, which axes, which degradations, and patches that lie as tiles will."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from engine.training_helpers import balls, table, write_scans
from mrisr.errors import ConfigError
from mrisr.image.grid import Grid
from mrisr.image.volume import Volume
from mrisr.neural.conditioning import Inputs
from mrisr.physics.degradation import Degradation
from mrisr.physics.interpolation import interpolate
from mrisr.physics.protocols import PROTOCOLS
from mrisr.training.config import Config
from mrisr.training.data.augmentation import Augmentation, monotone
from mrisr.training.data.feed import Feed
from mrisr.training.data.patches import ChunkDataset, ChunkNumbers, PatchSampling
from mrisr.training.data.scans import Scan, find_scans, sharp_axes
from mrisr.training.data.subjects import split_by_subject, subject_of

PLAIN = Augmentation(gamma_share=0, remap_share=0, bias_share=0, gain=(1, 1))


def scan(seed=0, sharp=(0, 1, 2), side=40):
    return Scan(f"s{seed}", np.rint(255 * balls(seed, side)).astype(np.uint8), 1.0, sharp)


def dataset(degradation, cut=None, scans=None, seed=0):
    return ChunkDataset(
        scans or [scan()],
        degradation,
        cut or PatchSampling(size=(16, 16, 16), chunk=3, multiple=4),
        PLAIN,
        seed=seed,
    )


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_folders_of_bids_and_hcp_are_recognised(tmp_path):
    bids = touch(tmp_path / "bids" / "sub-01" / "ses-1" / "anat" / "sub-01_ses-1_T1w.nii.gz")
    touch(tmp_path / "bids" / "sub-01" / "func" / "sub-01_task-rest_bold.nii.gz")
    hcp = touch(tmp_path / "hcp" / "100307" / "T1w" / "T1w_acpc_dc_restore.nii.gz")
    plain = touch(tmp_path / "plain" / "head.nrrd")
    touch(tmp_path / "plain" / "notes.txt")
    assert find_scans(tmp_path, ["bids"]) == [bids]
    assert find_scans(tmp_path, ["hcp"]) == [hcp]
    assert find_scans(tmp_path, ["plain"]) == [plain]
    assert [subject_of(p) for p in (bids, hcp)] == ["sub-01", "100307"]


def test_a_pattern_without_scans_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"'\*\.mgz'"):
        find_scans(tmp_path, ["*.mgz"])


def test_excluded_scans_stay_out(tmp_path):
    for name in ("a_t1.nii.gz", "b_t2.nii.gz"):
        touch(tmp_path / name)
    assert [p.name for p in find_scans(tmp_path, ["*.nii.gz"], ["*_t2"])] == ["a_t1.nii.gz"]


def test_the_split_keeps_subjects_together(tmp_path):
    paths = [touch(tmp_path / f"sub-{s}_run-{r}_t1.nii.gz") for s in range(6) for r in range(2)]
    train, held = split_by_subject(paths, 0.3, seed=1)
    assert len(train) + len(held) == len(paths)
    assert not {subject_of(p) for p in train} & {subject_of(p) for p in held}
    assert len({subject_of(p) for p in held}) == 2
    with pytest.raises(ConfigError, match="two subjects"):
        split_by_subject(paths[:2], 0.3, seed=1)


def test_interpolated_axes_are_not_learned_from(tmp_path):
    (tmp_path / "index.csv").write_text(
        "id,voxel_mm,true_mm\na,0.868x0.868x1.0,1.08x1.08x2.0\nb,1x1x1,1x1x1\n"
    )
    assert sharp_axes(tmp_path / "index.csv") == {"a": (0, 1), "b": (0, 1, 2)}
    (tmp_path / "broken.csv").write_text("id\na\n")
    with pytest.raises(ConfigError, match="voxel_mm"):
        sharp_axes(tmp_path / "broken.csv")
    marked = np.zeros((32, 32, 20), np.uint8)
    marked[::2] = 255
    data = dataset(Degradation(refines="one"), scans=[Scan("x", marked, 1.0, (0,))])
    # Axis 0 alternates; were another axis put first, the target would be constant along it.
    assert all((data[n].target.diff(dim=2) != 0).any() for n in range(5))


def test_draws_stay_in_their_ranges():
    degradation = Degradation(
        refines="one", factor=(2, 6), whole=0.5, width=(0.9, 1.1), noise=(0.01, 0.02), clean=0.5
    )
    rng = np.random.default_rng(0)
    drawn = [degradation.draw(rng) for _ in range(200)]
    factors = np.array([factor for _, factor in drawn])
    assert (factors[:, 0] >= 2).all()
    assert (factors[:, 0] <= 6).all()
    assert (factors[:, 1:] == 1).all()
    assert 0.3 < np.mean(factors[:, 0] * 2 % 1 == 0) < 0.7
    noise = np.array([acquisition.noise for acquisition, _ in drawn])
    assert 0.3 < (noise == 0).mean() < 0.7
    assert noise[noise > 0].min() >= 0.01
    assert all(acquisition.profile == ("gaussian", "none", "none") for acquisition, _ in drawn)


def test_alternatives_are_drawn_for_their_share():
    spline = Degradation(factor=(1, 1), profile="spline", width=(1.5, 2), share=0.25)
    degradation = Degradation(factor=(2, 2), alternatives=(spline,))
    rng = np.random.default_rng(0)
    drawn = [degradation.draw(rng) for _ in range(400)]
    rare = [(acquisition, factor) for acquisition, factor in drawn if acquisition.profile == ("spline",) * 3]
    assert 0.19 < len(rare) / len(drawn) < 0.31
    assert all(factor == (1, 1, 1) and 1.5 <= acquisition.width[0] <= 2 for acquisition, factor in rare)
    assert {factor for acquisition, factor in drawn if acquisition.profile == ("gaussian",) * 3} == {
        (2, 2, 2)
    }


def test_a_chunk_follows_from_its_number_alone():
    data, again = dataset(Degradation()), dataset(Degradation())
    assert torch.equal(data[5].initial, again[5].initial)
    assert not torch.equal(data[5].initial, data[6].initial)
    assert not torch.equal(data[5].initial, dataset(Degradation(), seed=1)[5].initial)


def test_patches_are_those_of_the_degraded_scan_at_aligned_places():
    data = dataset(Degradation(), PatchSampling(size=(40, 40, 40), chunk=1, multiple=4))
    chunk = data[0]
    reference = chunk.target[0, 0].numpy()
    grid = Grid((40, 40, 40), np.eye(4))
    protocol = PROTOCOLS["iso2"]
    measured = protocol.measured_grid(grid, (True, True, True))
    low = protocol.acquisition().simulate(Volume(reference, np.eye(4)), measured)
    assert np.allclose(chunk.initial[0, 0].numpy(), interpolate(low.array, measured, grid), atol=1e-5)
    small = dataset(Degradation())
    assert all((small[n].starts % 4 == 0).all() for n in range(5))


def test_small_scans_are_padded_with_air():
    chunk = dataset(Degradation(), PatchSampling(size=(48, 48, 48), chunk=1, multiple=2))[0]
    assert chunk.target.shape == (1, 1, 48, 48, 48)
    assert (chunk.target[0, 0, 40:] == 0).all()


def test_batches_from_any_step_on_are_the_same_and_mix_scans():
    data = dataset(Degradation(), scans=[scan(0), scan(1)])
    feed = Feed(data, chunk=3, batch=2, inputs=Inputs(), workers=0)
    straight = feed.batches()
    batches = [next(straight) for _ in range(5)]
    later = feed.batches(4)
    assert torch.equal(next(later).inputs, batches[4].inputs)
    assert torch.equal(batches[0].target[1], data[1].target[0])


def test_processes_see_different_chunks():
    numbers = [[n for n, _ in zip(ChunkNumbers(2 * rank, 2, 2), range(6), strict=False)] for rank in (0, 1)]
    assert numbers == [[0, 1, 4, 5, 8, 9], [2, 3, 6, 7, 10, 11]]


def test_augmentation_keeps_air_dark_and_changes_contrast():
    array = np.tile(np.arange(256, dtype=np.uint8), (4, 4, 1))
    remapped = Augmentation(gamma_share=0, remap_share=1, bias_share=0, gain=(1, 1))
    changed = remapped.draw(array.shape, np.random.default_rng(3)).of(array)
    assert changed[0, 0, 0] == 0
    assert changed.max() <= 1
    assert (np.diff(changed[0, 0]) < 0).any()
    uneven = Augmentation(gamma_share=0, remap_share=0, bias_share=1, gain=(1, 1))
    biased = uneven.draw(array.shape, np.random.default_rng(3)).of(array)
    ratio = biased[..., 100:] / (array[..., 100:] / 255)
    assert ratio.std() > 0
    assert abs(np.log(ratio)).max() < 1.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"netwrok": {}}, "unknown entry netwrok"),
        ({"optimizer": {"rates": 1}}, "unknown entry optimizer.rates"),
        ({"optimizer": {"rate": "fast"}}, "optimizer.rate must be a number"),
        ({"optimizer": {"rate": -1}}, "rate > 0"),
        ({"degradation": {"factor": [2]}}, "degradation.factor must be a list of 2"),
        ({"degradation": {"factor": [4, 2]}}, "range"),
        ({"degradation": {"refines": "some"}}, "one of one, two, all"),
        ({"patches": {"size": [15, 16, 16]}}, "multiples"),
        ({"data": {"train": []}}, "names no scans"),
        ({"start_share": 0.5}, "needs a start"),
        ({"start": "cubic", "start_share": 1.0}, "below 1"),
        ({"optimizer": {"keep_statistics": 1}}, "true or false"),
        ({"seed": 1.5}, "seed must be a whole number"),
    ],
)
def test_configurations_that_cannot_be_used_say_where(changes, message):
    with pytest.raises(ConfigError, match=message):
        Config.of(table(**changes))


def test_a_missing_name_is_named():
    config = table()
    del config["name"]
    with pytest.raises(ConfigError, match="lacks name"):
        Config.of(config)


def test_the_shipped_configurations_are_valid():
    import tomllib
    from pathlib import Path

    folder = Path(__file__).resolve().parents[2] / "configs"
    paths = [p for p in folder.glob("*.toml") if p.name.startswith(("edsr3d", "mdcsrn", "features"))]
    assert paths
    for path in paths:
        assert Config.of(tomllib.loads(path.read_text(encoding="utf-8"))).name == path.stem


def test_scans_are_read_from_disk(tmp_path):
    from mrisr.training.data.scans import ScanFile, load_scan

    write_scans(tmp_path, 1)
    loaded = load_scan(ScanFile(tmp_path / "sub-0_t1.nii.gz", 0.5, (1,)))
    assert loaded.array.dtype == np.uint8
    assert loaded.array.max() == 255
    assert (loaded.weight, loaded.sharp) == (0.5, (1,))


def test_the_second_estimate_is_what_back_projection_adds():
    from mrisr.neural.conditioning import MAGNIFIED
    from mrisr.physics.consistency import back_project
    from mrisr.physics.observation import Measurement

    reference = balls(2, side=24)
    grid = Grid((24, 24, 24), np.eye(4))
    protocol = PROTOCOLS["iso2"]
    measured = protocol.measured_grid(grid, (True, True, True))
    acquisition = protocol.acquisition()
    low = acquisition.simulate(Volume(reference, np.eye(4)), measured).array
    operator = acquisition.operator(grid, measured)
    initial = interpolate(low, measured, grid)
    first, added = Inputs(projections=3).estimates(initial, low, operator)
    assert np.array_equal(first, initial)
    assert np.allclose(
        initial + added / MAGNIFIED, back_project(initial, Measurement(low, operator), 3), atol=1e-5
    )
    assert ((initial + added / MAGNIFIED - reference) ** 2).mean() < ((initial - reference) ** 2).mean()
    assert Inputs().estimates(initial, low, operator).shape == (1, 24, 24, 24)
    data = ChunkDataset(
        [scan()],
        Degradation(),
        PatchSampling(size=(16, 16, 16), chunk=2, multiple=2),
        PLAIN,
        inputs=Inputs(projections=2),
    )
    assert data[0].initial.shape == (2, 2, 16, 16, 16)


def test_a_sample_beyond_the_field_does_not_change_the_rest():

    reference = balls(2, side=25)
    changes = []
    for side in (24, 25):
        grid = Grid((side, 24, 24), np.eye(4))
        protocol = PROTOCOLS["iso2"]
        measured = protocol.measured_grid(grid, (True, True, True))
        acquisition = protocol.acquisition()
        low = acquisition.simulate(Volume(reference[:side, :24, :24], np.eye(4)), measured).array
        changes.append(
            Inputs(projections=3).estimates(
                interpolate(low, measured, grid), low, acquisition.operator(grid, measured)
            )[1]
        )
    middle = (slice(6, 14),) * 3
    assert np.allclose(changes[0][middle], changes[1][middle], atol=0.02 * np.abs(changes[0][middle]).max())


@given(seed=st.integers(0, 2**20))
def test_contrast_curves_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    x = np.concatenate([[0, 10], np.linspace(50, 255, 6)])
    y = np.concatenate([[0, 0.04], rng.uniform(0.15, 1, 6)])
    at = np.arange(256)
    np.testing.assert_allclose(monotone(x, y, at), PchipInterpolator(x, y)(at), atol=1e-12)


def test_bias_fields_are_those_of_monai():
    pytest.importorskip("monai")
    from monai.transforms import RandBiasField

    drawn = Augmentation(gamma_share=0, bias_share=1).draw((40, 48, 33), np.random.default_rng(5))
    rng = np.random.default_rng(5)
    _kind, _gain, _share, seed = rng.random(), rng.uniform(), rng.random(), int(rng.integers(2**31))
    field = RandBiasField(degree=2, coeff_range=(-0.15, 0.15), prob=1.0)
    field.set_random_state(seed=seed)
    expected = np.asarray(field(torch.ones(1, *drawn.bias.shape)))[0]
    assert drawn.bias.shape == (5, 6, 5)
    np.testing.assert_allclose(drawn.bias, expected, rtol=1e-6)
