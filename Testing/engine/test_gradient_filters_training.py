"""Symmetry, normal equations and the training run of the gradient filters."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mrisr.cli import main
from mrisr.errors import Cancelled, ConfigError, FileError, MrisrError
from mrisr.families.gradient_filters.bank import Hashing
from mrisr.families.gradient_filters.buckets import BucketSettings, sample_positions
from mrisr.families.gradient_filters.features import FeatureSettings
from mrisr.families.gradient_filters.normal_equations import Cells, NormalEquations
from mrisr.families.gradient_filters.pairs import Pair, head_of, make_pair, special_last
from mrisr.families.gradient_filters.recipe import FilterRecipe, StageRecipe
from mrisr.families.gradient_filters.ridge import Equations, solve, solve_all
from mrisr.families.gradient_filters.symmetry import Symmetry, group
from mrisr.families.gradient_filters.taps import Taps
from mrisr.families.gradient_filters.teaching import Teacher
from mrisr.image.files import write_volume
from mrisr.image.volume import Volume
from mrisr.physics.protocols import PROTOCOLS
from mrisr.training.export import export_run
from mrisr.training.options import Options
from mrisr.training.trainers import read_config, train_family

IDENTITY = Symmetry((0, 1, 2), (1, 1, 1))

pytestmark = pytest.mark.usefixtures("one_thread")


@cache
def cells_of(settings, poses):
    return Cells(settings, list(poses))


@pytest.fixture(autouse=True)
def shared_cells(monkeypatch):
    """Cells follow from the buckets and the poses alone and take longer to tabulate than these tests' lessons: teachers share them."""
    monkeypatch.setattr(
        "mrisr.families.gradient_filters.teaching.Cells",
        lambda settings, poses: cells_of(settings, tuple(poses)),
    )


def settings_of(sides=(3, 3, 3), phases=(1, 1, 1)):
    buckets = BucketSettings(angles=(8, 8), strength=2, coherence=2, phases=phases)
    stage = StageRecipe(Taps(sides), buckets, FeatureSettings(window=5, sigma=1.0))
    hashing = Hashing(stage.features, buckets, torch.tensor([0.16]), torch.tensor([[-0.3], [-0.2]]))
    return stage, hashing


def positions_of(shape, factor):
    return tuple(sample_positions(n, f) for n, f in zip(shape, factor, strict=True))


def random_pair(shape=(20, 20, 20), factor=(1.0, 1.0, 1.0), margin=6):
    torch.manual_seed(0)
    head = torch.zeros(shape, dtype=torch.bool)
    head[margin:-margin, margin:-margin, margin:-margin] = True
    return Pair(torch.rand(shape), torch.rand(shape), head, head, positions_of(shape, factor))


def turned(pair, pose):
    positions = tuple(pair.positions[a] for a in pose.axes)
    return Pair(
        *(pose.volume(v).contiguous() for v in (pair.initial, pair.reference, pair.head, pair.taught)),
        positions,
    )


def plain_teacher(stage, hashing):
    """A teacher whose group is the identity alone: every voxel teaches just its own bucket."""
    cells = Cells(stage.buckets, [IDENTITY])
    teacher = Teacher(stage, hashing, (0, 1, 2), cells)
    teacher.orders = torch.arange(stage.taps.count)[None]
    return teacher


def test_there_are_48_symmetries_of_equal_axes_and_16_with_a_special_one():
    assert len(group((0, 0, 0))) == 48
    assert len(group((0, 0, 1))) == 16


@pytest.mark.parametrize(
    ("kinds", "phases", "factor", "sides"),
    [
        ((0, 0, 0), (1, 1, 1), (1.0, 1.0, 1.0), (3, 3, 3)),
        ((0, 0, 0), (2, 2, 2), (2.0, 2.0, 2.0), (3, 3, 3)),
        ((0, 0, 1), (1, 1, 4), (1.0, 1.0, 4.0), (3, 3, 5)),
    ],
)
def test_augmentation_equals_turning_the_volume_explicitly(kinds, phases, factor, sides):
    stage, hashing = settings_of(sides, phases)
    pair = random_pair(factor=factor)
    quick = Teacher(stage, hashing, kinds)
    quick.add(pair, pair.initial, 10**6, 0)
    explicit = plain_teacher(stage, hashing)
    for pose in group(kinds):
        image = turned(pair, pose)
        explicit.add(image, image.initial, 10**6, 0)
    for bucket in range(stage.buckets.count):
        expected = explicit.equations.bucket(bucket, explicit.orders)
        got = quick.equations.bucket(bucket, quick.orders)
        assert torch.allclose(got, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max() + 1))


def test_every_voxel_teaches_once_per_symmetry():
    stage, hashing = settings_of()
    pair = random_pair()
    teacher = Teacher(stage, hashing, (0, 0, 0))
    teacher.add(pair, pair.initial, 10**6, 0)
    taught = sum(
        float(Equations.split(teacher.equations.bucket(b, teacher.orders), 13).energy)
        for b in range(stage.buckets.count)
    )
    # A pair's squared errors are divided by their mean, so that each of its 512 voxels counts 1 in each of 48 poses.
    assert taught == pytest.approx(48 * 512, rel=1e-3)


def test_the_filter_of_a_known_linear_system_is_recovered():
    stage, hashing = settings_of()
    pair = random_pair((32, 32, 32), margin=4)
    system = torch.rand(3, 3, 3)
    system = system + system.flip(0, 1, 2)
    symmetric = torch.stack([pose.volume(system) for pose in group((0, 0, 0))]).mean(0)
    symmetric[1, 1, 1] -= symmetric.sum() - 1
    blurred = torch.nn.functional.conv3d(pair.initial[None, None], symmetric[None, None], padding=1)[0, 0]
    known = Pair(pair.initial, blurred, pair.head, pair.taught, pair.positions)
    teacher = Teacher(stage, hashing, (0, 0, 0))
    teacher.add(known, known.initial, 10**6, 0)
    filters = solve_all(teacher.equations, teacher.orders, stage.taps.center, 1e-9)
    expected = symmetric.reshape(-1).clone()
    expected[13] = 0
    taught = filters.abs().sum(1) > 0
    assert taught.sum() > 64
    assert torch.allclose(filters[taught], expected.expand_as(filters[taught]), atol=1e-3)


def test_an_untaught_bucket_keeps_the_prior():
    prior = torch.rand(27, dtype=torch.float64)
    nothing = Equations.split(torch.zeros(27, 27, dtype=torch.float64), 13)
    assert torch.equal(solve(nothing, 1e-3, prior), prior)


def test_a_ridge_below_single_precision_is_raised_until_the_equations_can_be_solved():
    rows = torch.rand(5, 27)
    products = (rows.T @ rows).double()
    assert torch.isfinite(
        solve(Equations.split(products, 13), 1e-12, torch.zeros(27, dtype=torch.float64))
    ).all()


def test_cells_send_directions_to_the_buckets_of_their_images():
    cells = Cells(BucketSettings(), group((0, 0, 0)))
    torch.manual_seed(0)
    again = Cells(BucketSettings(), group((0, 0, 0)))
    assert torch.equal(again.directions, cells.directions)
    directions = torch.nn.functional.normalize(torch.randn(3, 1000), dim=0)
    place, _ = cells.locate(directions, torch.zeros(1000, dtype=torch.long))
    assert (place >= 0).float().mean() > 0.999
    assert NormalEquations(cells, 1, 3).totals.shape == (len(cells), 3, 3)


def test_the_head_of_a_noisy_scan_leaves_out_air():
    rng = np.random.default_rng(0)
    noise = np.hypot(*(0.02 * rng.standard_normal((2, 24, 24, 24)))).astype(np.float32)
    noise[8:16, 8:16, 8:16] += 0.5
    head = head_of(torch.from_numpy(noise))
    assert head[8:16, 8:16, 8:16].all()
    assert head[:4].float().mean() < 0.1
    ripples = torch.from_numpy(noise + np.float32(0.05))
    assert head_of(ripples).float().mean() > 0.9
    assert head_of(ripples, air=0.1)[:4].float().mean() < 0.01


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_pair_has_its_thick_axis_last(axis):
    rng = np.random.default_rng(0)
    volume = Volume(rng.random((16, 20, 24)).astype(np.float32), np.eye(4))
    pair = make_pair(volume, PROTOCOLS["thick4"], axis)
    assert [float(p[1] - p[0]) for p in pair.positions] == pytest.approx([1, 1, 0.25])
    assert pair.initial.shape == tuple(volume.shape[a] for a in special_last(axis))


CONFIG = """
family = "gradient-filters"
name = "gradient-filters-test"
checkpoint = 1
validation_voxels = 2000
{extra}
[card]
title = "Test"
version = "1.0"
license = "MIT"
purpose = "Tests."
contrasts = []
limits = []
trained_for = []
[hash]
angles = [4, 4]
strength_bins = 2
coherence_bins = 1
phases = [2, 2, 2]
[[bank]]
protocol = "iso2"
[[bank.stage]]
side = [3, 3, 3]
[[bank.stage]]
side = [3, 3, 3]
phases = [1, 1, 1]
[data]
train = ["t*.nii"]
[voxels]
"t*" = 3000
[validation]
headline = ["v.nii"]
protocols = ["iso2"]
"""


@pytest.fixture
def config(tmp_path):
    rng = np.random.default_rng(0)
    axes = np.meshgrid(*[np.arange(24)] * 3, indexing="ij")
    for number, name in enumerate(("t1", "t2", "t3", "v")):
        waves = sum(np.sin(x * rng.uniform(0.3, 0.9) + number) for x in axes)
        write_volume(Volume((waves - waves.min()).astype(np.float32), np.eye(4)), tmp_path / f"{name}.nii")
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(extra=""))
    return path


class Stopped(Exception):
    pass


def stop_after(count):
    def progress(stage, done, total):
        if stage == "bank 1, pass 1, scans" and done == count:
            raise Stopped

    return progress


def test_a_resumed_run_ends_with_the_same_bits(config, tmp_path):
    from mrisr.progress import Monitor

    data = read_config(config)
    whole = train_family(data, Options(config, work=tmp_path / "w1"), Monitor())
    for count in (1, 2):
        with pytest.raises(Stopped):
            train_family(data, Options(config, work=tmp_path / "w2", resume=True), Monitor(stop_after(count)))
    resumed = train_family(data, Options(config, work=tmp_path / "w2", resume=True), Monitor())
    models = [exported(run, tmp_path / "models" / run.name) for run in (whole, resumed)]
    one, two = (load_file(folder / "weights.safetensors") for folder in models)
    assert one.keys() == two.keys()
    for key, tensor in one.items():
        assert torch.equal(tensor, two[key]), key


def exported(run, folder):
    return export_run(run, folder.name, folder, measured=False)


def trained(config, tmp_path, *, stop=0, table=None, **changes):
    """A training of the recipe in the folder `w`, stopped after so many scans if at all; the filters' file."""
    from mrisr.progress import Monitor

    table = table or read_config(config)
    monitor = Monitor(stop_after(stop)) if stop else Monitor()
    settings = {"work": tmp_path / "w", **changes}
    return (
        exported(train_family(table, Options(config, **settings), monitor), tmp_path / "models" / "m")
        / "weights.safetensors"
    )


def test_a_training_is_not_begun_anew_over_an_earlier_one(config, tmp_path):
    with pytest.raises(Stopped):
        trained(config, tmp_path, stop=1)
    before = {path.name: path.read_bytes() for path in (tmp_path / "w").iterdir()}
    assert "0.0.equations.safetensors" in before
    with pytest.raises(ConfigError, match="go on with --resume"):
        trained(config, tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "w").iterdir()} == before


def test_a_training_that_learned_nothing_yet_may_begin_anew(config, tmp_path):
    def stop_at_once(_stage, _done, _total):
        raise Cancelled

    from mrisr.progress import Monitor

    with pytest.raises(Cancelled, match="--resume"):
        train_family(read_config(config), Options(config, work=tmp_path / "w"), Monitor(stop_at_once))
    assert trained(config, tmp_path, table=read_config(config) | {"seed": 5}).is_file()


@pytest.mark.parametrize(
    "change", [{"seed": 5}, {"hash": {"phases": [2, 2, 2]}}, "a scan more", "the sums alone"]
)
def test_what_another_recipe_has_begun_is_not_gone_on_with(config, tmp_path, change):
    with pytest.raises(Stopped):
        trained(config, tmp_path, stop=1)
    table = read_config(config)
    if change == "a scan more":
        (tmp_path / "t0.nii").write_bytes((tmp_path / "t1.nii").read_bytes())
    elif change == "the sums alone":
        (tmp_path / "w" / "log.json").unlink()
    else:
        table |= change
    with pytest.raises(MrisrError, match="another folder with --work"):
        trained(config, tmp_path, table=table, resume=True)


def test_the_cards_texts_may_change_before_a_training_goes_on(config, tmp_path):
    with pytest.raises(Stopped):
        trained(config, tmp_path, stop=1)
    table = read_config(config)
    table["card"] |= {"title": "A better title"}
    written = trained(config, tmp_path, table=table, resume=True)
    assert json.loads(written.with_name("card.json").read_text(encoding="utf-8"))["title"] == "A better title"


def test_a_pass_never_begins_with_the_sums_of_the_one_before(config, tmp_path, monkeypatch):
    whole = load_file(trained(config, tmp_path, work=tmp_path / "whole"))
    unlink = Path.unlink

    def killed(path, **options):
        """A kill between the filters' writing and the sums' removal."""
        if path.name.endswith("equations.safetensors"):
            raise Stopped
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(Stopped):
        trained(config, tmp_path)
    assert sorted(p.name for p in (tmp_path / "w").glob("*.safetensors")) == [
        "0.0.equations.safetensors",
        "0.0.safetensors",
    ]
    monkeypatch.undo()
    resumed = load_file(trained(config, tmp_path, resume=True))
    assert all(torch.equal(tensor, resumed[key]) for key, tensor in whole.items())
    assert sorted(p.name for p in (tmp_path / "w").glob("*.safetensors")) == [
        "0.0.safetensors",
        "0.1.safetensors",
    ]


@pytest.mark.parametrize(
    "asked", [{"budget": 60.0}, {"device": "cuda"}, {"precision": "bf16"}, {"output": Path("m")}]
)
def test_options_without_use_are_refused_before_anything_is_done(config, tmp_path, asked):
    with pytest.raises(
        ConfigError, match=f"gradient-filters has no use for --{next(iter(asked))}; leave it out"
    ):
        trained(config, tmp_path, **asked)
    assert not (tmp_path / "w").exists()


def test_the_command_trains_a_model_that_evaluate_uses(config, tmp_path, monkeypatch, capsys):
    models = tmp_path / "models"
    monkeypatch.setenv("MRISR_MODELS", str(models))
    folder = models / "gradient-filters-test"
    assert main(["train", str(config), "--work", str(tmp_path / "work"), "--progress", "off"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'work'}\n"
    assert (
        main(["export", str(tmp_path / "work"), folder.name, "--output", str(models), "--progress", "off"])
        == 0
    )
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert card["training"]["scans"] == ["t1", "t2", "t3"]
    (measured,) = card["quality"]
    assert measured["psnr_mask"][0] > measured["psnr_mask_cubic"][0]
    assert "tile" not in card
    output = tmp_path / "rows.json"
    command = [
        "evaluate",
        str(tmp_path / "v.nii"),
        "--model",
        "gradient-filters-test",
        "--output",
        str(output),
        "--progress",
        "off",
    ]
    assert main(command) == 0
    scores = {row["model"]: row["psnr_mask"] for row in json.loads(output.read_text(encoding="utf-8"))}
    assert scores["gradient-filters-test"] > scores["cubic"]


def test_a_configuration_without_scans_says_where_it_looked(config, tmp_path):
    (tmp_path / "v.nii").unlink()
    data = read_config(config)
    with pytest.raises(ConfigError, match=r"v\.nii"):
        train_family(data, Options(config, work=tmp_path / "w"), _quiet())


@pytest.mark.parametrize(
    "change",
    [
        {"bank": [{"protocol": "iso2", "stage": [{"side": [4, 4, 4]}]}]},
        {"speed": 3},
        {"card": None},
        {"bank": [{"protocol": "iso9"}]},
    ],
)
def test_a_broken_configuration_is_refused(config, change):
    with pytest.raises(ConfigError):
        FilterRecipe.of(read_config(config) | change)


def test_a_special_axis_must_be_named(config, tmp_path):
    config.write_text(CONFIG.format(extra="one_axis = true"))
    data = read_config(config)
    with pytest.raises(ConfigError, match="axes"):
        train_family(data, Options(config, work=tmp_path / "w"), _quiet())


@pytest.mark.parametrize(
    ("text", "error"), [("family = ", ConfigError), ("name = 'x'", ConfigError), (None, FileError)]
)
def test_an_unreadable_configuration_is_refused(tmp_path, text, error):
    path = tmp_path / "c.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(error):
        read_config(path)


def test_an_unknown_family_cannot_be_trained():
    with pytest.raises(ConfigError, match="gradient-filters"):
        train_family({"family": "random-forest"}, Options(Path("none.toml")), _quiet())


def _quiet():
    from mrisr.progress import Monitor

    return Monitor()
