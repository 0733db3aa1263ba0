"""The gradient filters as a model of the one road."""

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save

from benchmarks import gradient_filters_reference as reference
from mrisr.cli import main
from mrisr.compute.device import Compute
from mrisr.errors import Cancelled
from mrisr.families.gradient_filters.bank import FilterBank, Hashing
from mrisr.families.gradient_filters.buckets import BucketSettings
from mrisr.families.gradient_filters.census import blend, changed_bits
from mrisr.families.gradient_filters.export import bank_tensors
from mrisr.families.gradient_filters.features import FeatureSettings
from mrisr.families.gradient_filters.pairs import head_of
from mrisr.families.gradient_filters.recipe import StageRecipe, stage_data
from mrisr.families.gradient_filters.symmetry import group
from mrisr.families.gradient_filters.taps import Taps
from mrisr.image.grid import Target
from mrisr.image.volume import Volume
from mrisr.models.base import Context
from mrisr.models.card import Card
from mrisr.models.catalog import PACKAGED, find, load_model, load_weights
from mrisr.models.discovery import build
from mrisr.physics.acquisition import Acquisition
from mrisr.pipeline import run
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.proposal import gain_on
from mrisr.pipeline.settings import Settings
from mrisr.progress import CancelToken, Monitor

EDGES = (torch.tensor([0.1, 0.14]), torch.tensor([[-0.35, -0.25]] * 3))


def random_bank(phases=(1, 1, 1), sides=(5, 5, 5), scale=0.02):
    settings = BucketSettings(phases=phases)
    taps = Taps(sides)
    filters = scale * torch.randn(settings.count, taps.count, generator=torch.Generator().manual_seed(0))
    filters[:, taps.center] = 0
    return FilterBank(Hashing(FeatureSettings(), settings, *EDGES), taps, filters.half().float())


def stage_of(bank):
    return StageRecipe(bank.taps, bank.hashing.buckets, bank.hashing.features)


def write_model(folder, banks, one_axis=False, census=None):
    """banks: (factor, passes)."""
    tensors = {}
    for number, (_, passes) in enumerate(banks):
        for place, bank in enumerate(passes):
            tensors |= bank_tensors(bank, f"{number}.{place}")
    content = save(tensors)
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(content)
    hyperparameters = {
        "one_axis": one_axis,
        "banks": [
            {"factor": factor, "stages": [stage_data(stage_of(bank)) for bank in passes]}
            for factor, passes in banks
        ],
    }
    if census is not None:
        hyperparameters["census"] = census
    data = {
        "name": folder.name,
        "title": "Test",
        "family": "gradient-filters",
        "version": "1.0",
        "license": "MIT",
        "purpose": "Tests.",
        "initial": "cubic",
        "weights": {"sha256": hashlib.sha256(content).hexdigest()},
        "hyperparameters": hyperparameters,
        "trained_for": [],
        "contrasts": [],
        "limits": [],
    }
    (folder / "card.json").write_text(json.dumps(data))
    card = Card.read(folder)
    return build(card, load_weights(card))


def random_volume(shape=(26, 24, 28)):
    return 0.3 + 0.5 * torch.rand(shape, generator=torch.Generator().manual_seed(1)).numpy()


def context_of(factor=(2.0, 2.0, 2.0), acquisition=None, monitor=None):
    return Context(
        acquisition or Acquisition(),
        None,
        Acquisition(),
        None,
        np.zeros(1, np.float32),
        factor,
        0,
        monitor or Monitor(),
    )


def phases_of(shape, bank):
    return tuple(torch.zeros(n, dtype=torch.long) for n in shape)


def test_the_result_is_that_of_a_plain_loop_over_the_voxels():
    volume, bank = random_volume((22, 21, 23)), random_bank()
    tensor = torch.from_numpy(volume)
    got = bank.apply(
        tensor, phases_of(volume.shape, bank), torch.ones(volume.shape, dtype=torch.bool)
    ).numpy()
    voxels = np.random.default_rng(0).integers(6, 15, (150, 3))
    edges = tuple(edge.numpy() for edge in EDGES)
    numbers = reference.buckets(volume, voxels, edges, (8, 8, 3, 3))
    assert len(np.unique(numbers)) > 30
    expected = reference.filtered(volume, voxels, numbers, bank.filters.numpy(), 5)
    assert np.abs(got[tuple(voxels.T)] - expected).max() < 1e-5


@pytest.mark.parametrize("value", [0.0, 0.02, 0.6, 1.3])
def test_a_constant_volume_passes_unchanged(tmp_path, value):
    model = write_model(tmp_path / "m", [(2.0, [random_bank((2, 2, 2)), random_bank()])], census=0.2)
    flat = np.full((14, 12, 13), value, np.float32)
    assert np.array_equal(model.restore(flat, context_of()), flat)


def test_air_stays_as_it_is(tmp_path):
    model = write_model(tmp_path / "m", [(2.0, [random_bank()])])
    volume = random_volume()
    volume[:, :, :12] *= 0.02
    result = model.restore(volume, context_of())
    assert np.array_equal(result[:, :, :9], volume[:, :, :9])
    assert not np.array_equal(result[:, :, 14:], volume[:, :, 14:])


def test_a_box_with_its_halo_gives_what_the_whole_gives():
    volume, bank = torch.from_numpy(random_volume((60, 20, 22))), random_bank()
    head = torch.ones(volume.shape, dtype=torch.bool)
    whole = bank.apply(volume, phases_of(volume.shape, bank), head)
    part = volume[13:49]
    tile = bank.apply(part, phases_of(part.shape, bank), head[13:49])
    assert torch.equal(tile[5:-5], whole[18:44])


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_change_the_result(threads):
    volume, bank = torch.from_numpy(random_volume()), random_bank()
    head = torch.ones(volume.shape, dtype=torch.bool)
    before = torch.get_num_threads()
    expected = bank.apply(volume, phases_of(volume.shape, bank), head)
    torch.set_num_threads(threads)
    try:
        assert torch.equal(bank.apply(volume, phases_of(volume.shape, bank), head), expected)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_model_serves_every_slice_axis(tmp_path, axis):
    model = write_model(tmp_path / "m", [(4.0, [random_bank((1, 1, 4), (3, 3, 5))])], one_axis=True)
    volume = random_volume((24, 24, 24))
    expected = model.restore(volume, context_of((1, 1, 4))).numpy()
    order = np.argsort([*(a for a in range(3) if a != axis), axis])
    factor = tuple(np.array((1.0, 1.0, 4.0))[order])
    got = model.restore(np.ascontiguousarray(volume.transpose(order)), context_of(factor)).numpy()
    assert np.array_equal(got, expected.transpose(order))


def test_the_untruncated_axis_of_kspace_is_the_special_one(tmp_path):
    model = write_model(tmp_path / "m", [(1.0, [random_bank(sides=(5, 5, 3))])], one_axis=True)
    volume = random_volume((24, 24, 24))
    expected = model.restore(volume, context_of((1, 1, 1), Acquisition(kspace=(0.5, 0.5, 1)))).numpy()
    turned = np.ascontiguousarray(volume.transpose(2, 0, 1))
    got = model.restore(turned, context_of((1, 1, 1), Acquisition(kspace=(1, 0.5, 0.5)))).numpy()
    assert np.array_equal(got, expected.transpose(2, 0, 1))
    assert np.array_equal(model.restore(volume, context_of((1, 1, 1))), expected)


def test_the_bank_of_the_nearest_factor_is_used(tmp_path):
    thin, thick = random_bank((1, 1, 2)), random_bank((1, 1, 6), scale=0.05)
    model = write_model(tmp_path / "m", [(2.0, [thin]), (6.0, [thick])], one_axis=True)
    only = write_model(tmp_path / "only", [(6.0, [thick])], one_axis=True)
    volume = random_volume((24, 24, 24))
    context = context_of((1, 1, 5))
    assert np.array_equal(model.restore(volume, context), only.restore(volume, context))


def test_filters_turn_with_the_volume():
    """Filters that are copies of one another under the symmetries commute with turning the volume."""
    volume, bank = torch.from_numpy(random_volume((20, 20, 20))), random_bank()
    shared = (
        torch.stack([pose.volume(bank.filters[0].reshape(5, 5, 5)) for pose in group((0, 0, 0))])
        .mean(0)
        .reshape(-1)
    )
    equal = FilterBank(bank.hashing, bank.taps, shared.expand(576, -1).contiguous())
    head = torch.ones(volume.shape, dtype=torch.bool)
    for pose in group((0, 0, 0))[::7]:
        turned = equal.apply(pose.volume(volume).contiguous(), phases_of(volume.shape, bank), head)
        straight = pose.volume(equal.apply(volume, phases_of(volume.shape, bank), head))
        assert torch.allclose(turned, straight, atol=1e-5)


def test_a_stop_is_honored_between_slabs(tmp_path):
    model = write_model(tmp_path / "m", [(2.0, [random_bank()])])
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        model.restore(random_volume(), context_of(monitor=Monitor(cancel=token)))


def test_the_census_counts_neighbors_that_change_sides():
    first = torch.zeros(3, 3, 3)
    first[1, 1, 1] = 0.5
    second = first.clone()
    second[0] = 1.0
    assert changed_bits(first, first).sum() == 0
    assert changed_bits(first, second)[1, 1, 1] == 9


def test_blending_keeps_what_agrees_and_drops_what_is_turned_over():
    initial = torch.from_numpy(random_volume((8, 8, 8)))
    assert torch.equal(blend(initial, initial * 1.5, 0.1), initial * 1.5)
    turned = blend(initial, 1 - initial, 0.0)
    inner = (slice(1, -1),) * 3
    assert torch.allclose(turned[inner], initial[inner], atol=1e-6)


def test_the_whole_road_takes_the_model(tmp_path):
    model = write_model(tmp_path / "m", [(2.0, [random_bank((2, 2, 2))])])
    scan = Volume(random_volume((14, 12, 13)) * 300, np.diag([2.0, 2.0, 2.0, 1.0]))
    result = enhance(scan, Settings(target=Target.factor(2), device="cpu"), model=model)
    assert result.volume.shape == (28, 24, 26)
    assert np.isfinite(result.volume.array).all()


def test_weights_that_do_not_fit_the_card_are_refused(tmp_path):
    model = write_model(tmp_path / "m", [(2.0, [random_bank()])])
    weights = load_weights(model.card)
    weights["0.0.filters"] = weights["0.0.filters"][:5]
    with pytest.raises(ValueError, match="shape"):
        build(model.card, weights)


def test_the_figure_shows_filters(tmp_path, monkeypatch, capsys):
    write_model(tmp_path / "m", [(2.0, [random_bank()])])
    monkeypatch.setenv("MRISR_MODELS", str(tmp_path))
    picture = tmp_path / "filters.png"
    assert main(["figure", "filters", "m", str(picture)]) == 0
    assert picture.stat().st_size > 10_000
    assert main(["figure", "filters", "m", str(picture), "--overwrite", "--bank", "3"]) == 2
    assert main(["figure", "filters", "cubic", str(picture), "--overwrite"]) == 2
    assert "cubic" in capsys.readouterr().err


SHIPPED = sorted(folder.name for folder in PACKAGED.glob("gradient-filters-*"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_small_and_leaves_flat_regions_alone(name):
    model = load_model(name)
    assert model.card.weights_path.stat().st_size <= 8e6
    flat = np.full((12, 12, 12), 0.5, np.float32)
    for factor in ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (1.0, 3.0, 1.0)):
        assert np.array_equal(model.restore(flat, context_of(factor)), flat)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_promises_what_it_was_measured_to_give(name):
    card = find(name)
    claimed = [entry for entry in card.quality if entry["protocol"] in card.protocols]
    assert {entry["protocol"] for entry in claimed} == set(card.protocols)
    for entry in claimed:
        assert entry["psnr_mask"][0] > entry["psnr_mask_cubic"][0]
        assert entry["ssim_mask"][0] > entry["ssim_mask_cubic"][0]


def rows_of(model, gain):
    scores = {
        "protocol": "iso2",
        "ssim_mask": 0.8 + gain / 100,
        "seconds": 3.0,
        "megavoxels": 2.0,
        "peak_memory_mb": 90.0,
        "device": "cpu",
        "precision": "fp32",
    }
    return [
        {"scan": scan, "model": model, "psnr_mask": psnr + gain} | scores
        for scan, psnr in (("a", 20.0), ("b", 24.0))
    ]


def test_measured_rows_go_into_the_card(tmp_path, monkeypatch):
    write_model(tmp_path / "m", [(2.0, [random_bank()])])
    monkeypatch.setenv("MRISR_MODELS", str(tmp_path))
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps(rows_of("cubic", 0.0) + rows_of("m", 1.5)))
    assert main(["card", "m", "--headline", str(rows), "--machine", "a test"]) == 0
    card = find("m")
    assert card.quality[0] == {
        "protocol": "iso2",
        "acquisition": "told",  # as all rows were before they said so
        "scans": "headline",
        "count": 2,
        "psnr_mask": [23.5, 2.0],
        "psnr_mask_cubic": [22.0, 2.0],
        "ssim_mask": [0.815, 0.0],
        "ssim_mask_cubic": [0.8, 0.0],
    }
    assert card.speed["cpu-fp32"]["seconds_per_megavoxel"] == 1.5
    timed = tmp_path / "timed.json"
    timed.write_text(json.dumps([{**row, "seconds": 1.0} for row in rows_of("m", 1.5)]))
    assert main(["card", "m", "--headline", str(rows), "--speed", str(timed)]) == 0
    assert find("m").speed["cpu-fp32"]["seconds_per_megavoxel"] == 0.5
    assert find("m").quality == card.quality
    untold = [{**row, "acquisition": "default"} for row in rows_of("cubic", 0.0) + rows_of("m", -0.5)]
    rows.write_text(json.dumps(rows_of("cubic", 0.0) + untold + rows_of("m", 1.5)))
    assert main(["card", "m", "--headline", str(rows)]) == 0
    both = {entry["acquisition"]: entry["psnr_mask"][0] for entry in find("m").quality}
    assert both == {"default": 21.5, "told": 23.5}
    assert gain_on(find("m"), "iso2", told=False) == -0.5
    assert gain_on(find("m"), "iso2", told=True) == 1.5
    rows.write_text(json.dumps([{**row, "acquisition": "blur:3"} for row in rows_of("m", 1.5)]))
    assert main(["card", "m", "--headline", str(rows)]) == 2, (
        "what was stated otherwise is no protocol's figure"
    )
    rows.write_text(json.dumps(rows_of("cubic", 0.0)))
    assert main(["card", "m", "--headline", str(rows)]) == 2
    rows.write_text("{")
    assert main(["card", "m", "--headline", str(rows)]) == 2


@pytest.mark.parametrize("shape", [(30, 30, 1), (12, 3, 12), (2, 2, 2), (1, 2, 2)])
def test_scans_of_few_slices_are_filtered(shape):
    scan = Volume(np.random.default_rng(1).uniform(1, 2, shape).astype(np.float32), np.eye(4))
    target = Target.factor([2.0 if n > 1 else 1.0 for n in shape])
    result = enhance(scan, Settings(model="gradient-filters-iso2", target=target)).volume.array
    assert np.isfinite(result).all()


def test_the_surroundings_of_a_voxel_are_those_that_there_are():
    volume = torch.rand(9, 7, 11, generator=torch.Generator().manual_seed(3))
    expected = torch.nn.functional.avg_pool3d(volume[None, None], 5, 1, 2, count_include_pad=False)[0, 0]
    for air in (0.3, 0.5, 0.6):
        assert torch.equal(head_of(volume, air), ((expected > air) | (volume > 2 * air)) & (volume != 0))


def test_filters_that_do_not_fit_a_device_are_applied_on_the_cpu(monkeypatch):
    model = load_model("gradient-filters-iso2")
    filtered, asked, said = model._filtered, [], []

    def small(initial, context, where):
        asked.append(where)
        if where != "cpu":
            raise RuntimeError("CUDA out of memory.")
        return filtered(initial, context, where)

    monkeypatch.setattr(model, "_filtered", small)
    monkeypatch.setattr(run, "resolve", lambda *_asked: Compute("cpu:0"))
    scan = Volume(np.random.default_rng(1).uniform(1, 2, (12, 12, 12)).astype(np.float32), np.eye(4))
    settings = Settings(model="gradient-filters-iso2", target=Target.factor(2))
    record = enhance(scan, settings, model=model, monitor=Monitor(log=said.append)).provenance
    assert asked == ["cpu:0", "cpu"]  # for torch the same, for the engine another device
    assert record["device"] == "cpu"
    assert any("going on with the CPU" in sentence for sentence in said)
