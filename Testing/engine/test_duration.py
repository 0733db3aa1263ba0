"""What a run is said to take on a computer, and what that rests on."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.conftest import phantom
from mrisr.cli import main
from mrisr.compute import device, probe
from mrisr.compute.device import Compute, resolve
from mrisr.compute.probe import Pace
from mrisr.compute.strips import TileShape
from mrisr.compute.tiling import Tiles
from mrisr.errors import DeviceError
from mrisr.evaluation.card_entries import speeds
from mrisr.evaluation.timing import example_for, measured_speed
from mrisr.image.files import write_volume
from mrisr.image.grid import Target
from mrisr.image.volume import Volume
from mrisr.jobs import enhancement
from mrisr.jobs.machine import tell_speed
from mrisr.models import catalog
from mrisr.models.card import speed_key
from mrisr.pipeline.duration import ROAD_VALUES, Demand, expected_seconds, voxels_in_windows
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.planning import plan
from mrisr.pipeline.settings import Settings
from mrisr.training.workload import work_per_voxel

SIDE = 8


def on_the_whole(self, network, inputs, stage="model", outside=None):
    """A network on all of a volume at once, as tiles would without a margin."""
    with torch.no_grad():
        return network(torch.cat(list(inputs))[None])[0]


NETWORKS = [card.name for card in catalog.list_models() if card.sha256 and card.family != "gradient-filters"]


def test_models_without_convolutions_tell_none():
    assert {card.name for card in catalog.list_models() if card.work} == set(NETWORKS)
    assert work_per_voxel(catalog.load_model("gradient-filters-iso2")) == {}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_packaged_card_tells_the_multiply_adds_that_hooks_count_in_a_run(name, monkeypatch):
    card = catalog.find(name)
    model, counted = catalog.load_model(card), []

    def count(layer, _inputs, answer):
        counted.append(answer.numel() * math.prod(layer.weight.shape[1:]))

    for layer in model.network.modules():
        if isinstance(layer, torch.nn.Conv3d):
            layer.register_forward_hook(count)
        assert not isinstance(layer, torch.nn.modules.conv._ConvTransposeNd), "counted otherwise"
    monkeypatch.setattr(Tiles, "__call__", on_the_whole)
    scan, target = example_for(card, SIDE)
    enhance(scan, Settings(model=card, target=target, precision="fp32", device="cpu"), model=model)
    assert card.work["multiply_adds"] == round(sum(counted) / SIDE**3)
    found = work_per_voxel(catalog.load_model(card))
    assert card.work["multiply_adds"] == found["multiply_adds"]
    assert card.work.get("winograd") == found.get("winograd")
    # Which operations write something between the convolutions depends on torch's version and on what is fused.
    assert card.work["values"] == pytest.approx(found["values"], rel=0.5)


WHOLE = Demand((200, 200, 200), (2, 2, 2))


def test_the_time_follows_from_probe_and_work_and_from_no_other_computer():
    card = replace(
        catalog.find("edsr3d-iso2"),
        work={"multiply_adds": 200_000, "winograd": 150_000, "values": 400},
        tile={"border": 0},
        speed={"cpu-bf16": {"seconds_per_megavoxel": 0.5}, "cpu-fp32": {"seconds_per_megavoxel": 7.0}},
    )
    pace = Pace(multiply_adds=2e10, winograd=4e10, values=4e8)
    beside = 8e6 * ROAD_VALUES / 4e8
    told = expected_seconds(card, WHOLE, pace, "cuda", "fp32")
    assert told == pytest.approx(20 + 30 + 8 + beside)
    assert expected_seconds(card, replace(WHOLE, samples=3), pace, "cuda", "fp32") == pytest.approx(3 * told)
    assert expected_seconds(card, WHOLE, None, "cpu", "fp32") is None
    assert expected_seconds(catalog.find("cubic"), WHOLE, None, "cpu", "fp32") == 0
    directly = replace(card, work={"multiply_adds": 200_000, "values": 400})
    assert expected_seconds(directly, WHOLE, pace, "cuda", "fp32") == pytest.approx(80 + 8 + beside)


def test_a_model_without_convolutions_is_told_as_it_was_measured_on_such_a_device():
    card = replace(catalog.find("gradient-filters-iso2"), speed={"cpu-fp32": {"seconds_per_megavoxel": 0.5}})
    pace = Pace(1e12, 1e12, 1e9)
    assert expected_seconds(card, WHOLE, pace, "cpu", "bf16") == 4.0, "it counts in fp32 always"
    assert expected_seconds(card, WHOLE, pace, "cuda", "bf16") is None


@pytest.mark.parametrize("side", [32, 200])
@pytest.mark.parametrize(
    ("model", "factor", "samples"),
    [
        ("edsr3d-iso2", (2, 2, 2), 1),
        ("edsr3d-iso2", (4, 4, 4), 1),
        ("edsr3d-iso2", (2, 2, 2), 3),
        ("edsr3d-thick", (1, 3, 1), 1),
        ("edsr3d-thick", (2, 1, 4), 2),
        ("edsr3d-kspace", (1, 1, 1), 1),
    ],
)
def test_the_voxels_that_a_network_is_shown_are_known_beforehand(model, factor, samples, side, monkeypatch):
    shown = []

    def listens(_tiles, _network, _work):
        return lambda tile: shown.append(tile[0, 0].numel()) or tile[:, :1]

    monkeypatch.setattr(Tiles, "_prepared", listens)
    monkeypatch.setattr(TileShape, "fitting", lambda shape, _free: side)
    scan = Volume(np.random.default_rng(0).uniform(0.5, 1, (18, 16, 14)).astype(np.float32), np.eye(4))
    made = "kspace-2x2" if model == "edsr3d-kspace" else None
    settings = Settings(model, Target.factor(factor), samples=samples, acquisition=made, device="cpu")
    enhance(scan, settings)
    planned = plan(scan.grid, settings.target, settings.acquisition, catalog.find(model))
    demand = Demand.of(planned, samples)
    assert voxels_in_windows(catalog.find(model), demand, "cpu") == sum(shown)
    assert sum(shown) >= round(1e6 * demand.megavoxels)


def test_the_probe_tells_a_packaged_networks_time_on_this_computer():
    card = catalog.find("edsr3d-iso2")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        probe.pace.cache_clear()
        probe.throughput.cache_clear()
        demand = Demand((48, 48, 48), (2, 2, 2))
        told = expected_seconds(card, demand, probe.pace(Compute("cpu")), "cpu", "fp32")
        found = measured_speed(
            card, Settings(device="cpu", precision="fp32"), "here", side=48, one_thread=True
        )
    finally:
        torch.set_num_threads(before)
        probe.pace.cache_clear()
        probe.throughput.cache_clear()
    assert list(found) == ["cpu-fp32"]
    taken = found["cpu-fp32"]["seconds_per_megavoxel"] * 0.048**3 * 1e3
    # A wrong unit, axis or number of layers is a factor of 8 and more.
    assert taken / 4 < told < 4 * taken


@pytest.mark.parametrize("asked", ["cpu", "auto"])
def test_bf16_that_the_processor_would_emulate_is_refused(monkeypatch, asked):
    monkeypatch.setattr(device, "available", lambda: ["cpu"])
    monkeypatch.setattr(device, "_has_bf16", lambda _device: False)
    with pytest.raises(DeviceError, match=r"no bf16 arithmetic.* Choose fp32 or auto"):
        resolve(asked, "bf16")
    assert resolve(asked).precision == "fp32"
    monkeypatch.setattr(device, "_has_bf16", lambda _device: True)
    assert resolve(asked, "bf16").precision == resolve(asked).precision == "bf16"


def row(device_name, precision, seconds):
    return {"device": device_name, "precision": precision, "seconds": seconds, "megavoxels": 2.0}


def test_figures_go_under_the_device_and_precision_that_they_were_measured_with():
    rows = [
        row("cpu", "fp32", 8.0),
        row("cpu", "bf16", 1.0),
        row("cuda", "bf16", 0.2),
        row("cpu", "fp32", 6.0),
    ]
    found = speeds(rows, "a computer")
    assert {key: entry["seconds_per_megavoxel"] for key, entry in found.items()} == {
        "cpu-fp32": 3.5,
        "cpu-bf16": 0.5,
        "cuda": 0.1,
    }
    earlier = {key: value for key, value in row("cpu", "", 9.0).items() if key != "precision"}
    assert speeds([earlier], "a computer") == {}, "nobody knows in which precision it was"


def test_the_command_writes_what_it_measured_and_leaves_other_computers_figures(
    tmp_path, monkeypatch, capsys
):
    data = dict(catalog.find("cubic").data)
    others = {"machine": "elsewhere", "date": "2020-02-02", "seconds_per_megavoxel": 0.001}
    memory = {"peak_memory_mb_per_megavoxel": 90.0}
    folder = tmp_path / "mine"
    folder.mkdir()
    data |= {"name": "mine", "speed": {"cuda": others, "cpu-fp32": others | memory}}
    (folder / "card.json").write_text(json.dumps(data))
    monkeypatch.setenv(catalog.USER_FOLDERS, str(tmp_path))
    arguments = [
        "--model",
        "mine",
        "--size",
        "24",
        "--device",
        "cpu",
        "--precision",
        "fp32",
        "--machine",
        "this one",
    ]
    assert main(["speed", *arguments]) == 0
    assert catalog.find("mine").data == data, "without --card nothing is written"
    assert main(["speed", *arguments, "--card"]) == 0
    speed = catalog.find("mine").speed
    assert speed["cuda"] == others
    entry = speed[speed_key("cpu", "fp32")]
    assert (entry["machine"], entry["peak_memory_mb_per_megavoxel"]) == ("this one", 90.0)
    assert entry["date"] > "2026"
    assert entry["seconds_per_megavoxel"] > 0.001
    catalog.check(catalog.find("mine"))
    assert "billion multiply-adds a second" in capsys.readouterr().out
    assert main(["speed", "--model", "mine", "--size", "8"]) == 2


def test_packaged_figures_name_their_computer_and_day():
    for card in catalog.list_models():
        for key, entry in card.speed.items():
            assert key in ("cpu-fp32", "cpu-bf16", "cuda", "mps")
            assert entry["machine"]
            assert entry["date"]


def test_a_worker_tells_how_fast_the_computer_is_before_a_network_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("mrisr.jobs.machine.pace", lambda compute: Pace(12.5e9, 20e9, 3e8))
    told = []
    tell = lambda event, /, **fields: told.append((event, fields))  # noqa: E731
    volume = phantom((12, 12, 8))
    write_volume(volume.with_array(volume.array.astype(np.float32)), tmp_path / "scan.nii.gz")
    for model in ("cubic", "edsr3d-thick"):
        settings = Settings(model=model, device="cpu", precision="fp32", acquisition="slices:2")
        enhancement.run(
            enhancement.Request(tmp_path / "scan.nii.gz", tmp_path / "out.nii.gz", settings), tell=tell
        )
    assert [event for event, _ in told] == ["machine"], "interpolation needs no torch, and probes nothing"
    automatic = resolve("cpu").precision
    assert told[0][1] == {
        "device": "cpu", "precision": "fp32", "automatic": automatic, "multiply_adds": 12.5e9, "winograd": 20e9,
        "values": 3e8,
    }  # fmt: skip
    tell_speed(Settings(model="nonesuch"), tell)
    assert len(told) == 1, "the run itself says what is wrong"
