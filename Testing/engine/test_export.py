"""From runs and foreign checkpoints to models: the same output, an honest card, and no unsafe files."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.training_helpers import balls, options, silent, table, write_scans
from mrisr.cli import main
from mrisr.errors import CatalogError, ConfigError, FileError
from mrisr.families.edsr3d.network import EDSR3D
from mrisr.families.mdcsrn.checkpoints import import_mdcsrn
from mrisr.families.mdcsrn.network import MDCSRN
from mrisr.image.files import read_volume, stem_of, write_volume
from mrisr.image.grid import Target
from mrisr.image.volume import Volume
from mrisr.models.card import CARD, WEIGHTS, Card
from mrisr.models.catalog import USER_FOLDERS, load_model, load_weights
from mrisr.neural.conditioning import factor_planes
from mrisr.neural.convolutional import PermutedAxes
from mrisr.physics.acquisition import lost_resolution
from mrisr.physics.interpolation import interpolate
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.training import checkpoint
from mrisr.training.average import Average
from mrisr.training.config import Config
from mrisr.training.export import export_run
from mrisr.training.packing import trained_for
from mrisr.training.run import train

FP32 = Settings(device="cpu", precision="fp32")


def random_weights(network, seed=0):
    torch.manual_seed(seed)
    for parameter in network.parameters():
        parameter.data = (
            parameter.data.half().float()
            if parameter.abs().max() > 0
            else 0.02 * torch.randn_like(parameter).half().float()
        )
    return network


def write_run(folder, trained, replaced=None, **changes):
    """A run's folder as if this network had been trained in it; tables in `replaced` are not merged with the usual ones."""
    folder.mkdir(parents=True, exist_ok=True)
    config = table(**changes) | (replaced or {})
    record = {"config": config, "recipe": "tiny.toml", "scans": ["sub-0_t1"], "machine": "test"}
    (folder / "config.json").write_text(json.dumps(record))
    state = {"step": 3, "elapsed": 60.0, "losses": [1.0], "validations": [], "best": 0.0}
    average = Average(trained, 0.9).state()
    checkpoint.save(
        folder / checkpoint.LAST,
        {"network": trained.state_dict(), "average": average, "optimizer": {}, "state": state},
    )
    return folder


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    monkeypatch.setenv(USER_FOLDERS, str(folder))
    return folder


def test_an_exported_network_gives_the_same_output(tmp_path, models):
    network = random_weights(EDSR3D(16, 2, stride=(2, 2, 2)))
    export_run(write_run(tmp_path / "run", network), "tiny", models / "tiny")
    scan = Volume(balls(3, side=24), np.eye(4))
    result = enhance(
        scan, Settings(model="tiny", target=Target.factor(2), device="cpu", precision="fp32", tile=96)
    )
    plain = interpolate(scan.array, scan.grid, Target.factor(2).grid(scan.grid))
    scale = np.percentile(scan.array, 99.9)
    planes = factor_planes((2, 2, 2), (0, 0, 0), plain.shape, phase=False)
    with torch.inference_mode():
        whole = (
            network(torch.cat([torch.from_numpy(plain / scale)[None], planes])[None])[0, 0].numpy() * scale
        ).clip(0)
    inside = (slice(18, 30),) * 3
    assert not np.allclose(plain[inside], whole[inside], atol=1e-2)
    assert np.allclose(result.volume.array[inside], whole[inside], atol=1e-3)


def test_a_network_is_exported_between_its_start_and_where_it_went(tmp_path, models):
    parent, child = (
        random_weights(MDCSRN(1, 1, 4, stride=(2, 2, 2), planes=3, skip=True), seed) for seed in (1, 2)
    )
    small = {
        "network": {"blocks": 1, "units": 1, "growth": 4, "stride": [2, 2, 2], "planes": 3, "skip": True}
    }
    export_run(write_run(tmp_path / "parent", parent, small, family="mdcsrn"), "parent", models / "parent")
    changes = {"family": "mdcsrn", "start": "parent", "start_share": 0.25}
    folder = export_run(write_run(tmp_path / "child", child, small, **changes), "child", models / "child")
    ours, first, last = load_weights(Card.read(folder)), parent.state_dict(), child.state_dict()
    assert not torch.equal(first["recon.weight"], last["recon.weight"])
    for name, weight in ours.items():
        assert torch.allclose(weight.float(), 0.25 * first[name] + 0.75 * last[name], atol=2e-3, rtol=2e-3), (
            name
        )


def test_in_eight_bits_a_model_is_half_as_large_and_answers_nearly_alike(tmp_path):
    hyperparameters = {"width": 64, "blocks": 1, "estimates": 2, "projections": 2}
    network = random_weights(EDSR3D(width=64, blocks=1, estimates=2))
    run = write_run(tmp_path / "run", network, replaced={"network": hyperparameters})
    half, small = (
        export_run(run, name, tmp_path / name, measured=False, dtype=dtype)
        for name, dtype in (("half", "float16"), ("small", "int8"))
    )
    assert (small / WEIGHTS).stat().st_size < 0.6 * (half / WEIGHTS).stat().st_size
    card = Card.read(small)
    assert (card.data["weights"]["dtype"], card.data["weights"]["parameters"]) == (
        "int8",
        sum(p.numel() for p in network.parameters()),
    )
    x = torch.rand(1, 5, 12, 12, 12)
    with torch.no_grad():
        exact, near = (load_model(folder).network(x) - x[:, :1] for folder in (half, small))
    assert 0 < (near - exact).norm() < 0.02 * exact.norm()


def test_the_card_tells_training_and_measured_quality(tmp_path, models):
    write_scans(tmp_path, 2)
    network = random_weights(EDSR3D(16, 2, stride=(2, 2, 2)))
    validation = {"headline": ["sub-0_t1.nii.gz"], "cohort": ["sub-1_t1.nii.gz"], "protocols": ["iso2"]}
    run = write_run(
        tmp_path / "run",
        network,
        validation=validation,
        card={"title": "Tiny", "purpose": "Test.", "consistency": 2},
    )
    folder = export_run(run, "tiny", models / "tiny", data=tmp_path, settings=FP32)
    data = json.loads((folder / CARD).read_text(encoding="utf-8"))
    assert [(q["protocol"], q["scans"], q["count"]) for q in data["quality"]] == [
        ("iso2", "headline", 1),
        ("iso2", "cohort", 1),
    ]
    assert data["quality"][0]["psnr_mask"] != data["quality"][0]["psnr_mask_cubic"]
    assert data["training"] == {
        "scans": ["sub-0_t1"], "recipe": "configs/tiny.toml", "seconds": 60, "machine": "test", "attribution": [],
    }  # fmt: skip
    assert data["trained_for"][0]["refined_axes"] == [3]
    assert data["weights"]["dtype"] == "float16"
    assert data["speed"]["cpu-fp32"]["seconds_per_megavoxel"] > 0
    assert data["work_per_voxel"]["multiply_adds"] > 1000
    assert (data["title"], data["consistency"]) == ("Tiny", 2)


def test_the_scans_a_run_held_are_measured_where_they_were_or_where_they_went(tmp_path, models):
    """The run was split by subject: only its own note tells which scans it never saw."""
    write_scans(tmp_path / "before", 3)
    validation = {"protocols": ["iso2"], "minutes": 0}
    asked = options(tmp_path, data=tmp_path / "before")
    run = train(table(validation=validation, optimizer={"steps": 1}), asked, silent())
    note = json.loads((run / "config.json").read_text(encoding="utf-8"))
    (held,) = note["held"]["headline"]
    assert stem_of(Path(held)) not in note["scans"]
    folder = export_run(run, "first", models / "first", settings=FP32)
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    assert (card["protocols"], card["quality"][0]["count"], card["license"]) == (["iso2"], 1, "unknown")
    (tmp_path / "before").rename(tmp_path / "after")
    with pytest.raises(FileError, match="--unmeasured"):
        export_run(run, "second", models / "second", settings=FP32)
    assert not (models / "second").exists()
    moved = export_run(run, "second", models / "second", data=tmp_path / "after", settings=FP32)
    assert json.loads((moved / CARD).read_text(encoding="utf-8"))["quality"] == card["quality"]
    silent_card = json.loads(
        (export_run(run, "third", models / "third", measured=False) / CARD).read_text(encoding="utf-8")
    )
    assert (silent_card["protocols"], silent_card["quality"]) == ([], [])


def test_a_name_that_no_model_can_have_leaves_nothing_behind(tmp_path, models):
    run = write_run(tmp_path / "run", EDSR3D(16, 2, stride=(2, 2, 2)))
    with pytest.raises(ConfigError, match="My_Model"):
        export_run(run, "My_Model", models / "My_Model")
    assert not (models / "My_Model").exists()


def test_same_matrix_and_noise_ranges_reach_the_card():
    noisy = {"refines": "two", "factor": [1, 1], "kspace": [0.2, 0.6], "noise": [0.01, 0.02], "clean": 0.5}
    config = Config.of(table(degradation=noisy, network={"refines": "two"}))
    told = trained_for(config.degradation)
    assert told["refined_axes"] == [0]
    assert told["kspace"] == [0.2, 0.6]
    assert told["noise"] == [0.0, 0.02]


def test_folders_that_are_no_runs_are_refused(tmp_path, models):
    with pytest.raises(FileError, match="no training run"):
        export_run(tmp_path, "tiny", models / "tiny")


def test_exchanged_weights_are_refused(tmp_path, models):
    export_run(write_run(tmp_path / "run", EDSR3D(16, 2, stride=(2, 2, 2))), "tiny", models / "tiny")
    content = bytearray((models / "tiny" / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (models / "tiny" / WEIGHTS).write_bytes(content)
    with pytest.raises(CatalogError, match="SHA-256"):
        load_model("tiny")


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_network_for_one_axis_does_the_same_whichever_axis_it_is(axis, tmp_path, models):
    network = random_weights(EDSR3D(16, 1, stride=(4, 2, 2), estimates=2))
    run = write_run(
        tmp_path / "run", network,
        network={"width": 16, "blocks": 1, "stride": [4, 2, 2], "refines": "one", "estimates": 2, "projections": 2},
        degradation={"refines": "one", "factor": [2, 6]}, patches={"size": [16, 16, 16], "multiple": 4},
    )  # fmt: skip
    export_run(run, "tiny", models / "tiny")
    array = balls(5, side=32)[::3]
    factor = [1.0, 1.0, 1.0]
    order = [1, 2]
    order.insert(axis, 0)
    factor[axis] = 3.0
    model = load_model("tiny")
    ask = lambda f: Settings(model="tiny", target=Target.factor(f), device="cpu", precision="fp32")  # noqa: E731
    first = enhance(Volume(array, np.eye(4)), ask([3, 1, 1]), model=model).volume.array
    turned = enhance(
        Volume(np.ascontiguousarray(array.transpose(order)), np.eye(4)), ask(factor), model=model
    ).volume.array
    assert np.allclose(turned, first.transpose(order), atol=1e-4)


def test_turning_there_and_back_keeps_the_volume():
    class First(torch.nn.Module):
        def forward(self, x):
            return x[:, :1]

    x = torch.randn(1, 2, 3, 4, 5)
    for order in [(0, 1, 2), (1, 0, 2), (2, 0, 1), (1, 2, 0)]:
        assert torch.equal(PermutedAxes(First(), order)(x), x[:, :1])
    assert lost_resolution((2, 1, 1), (1, 0.5, 1)) == [2, 2, 1]


def test_the_command_exports(tmp_path, models, capsys):
    run = write_run(tmp_path / "run", EDSR3D(16, 2, stride=(2, 2, 2)))
    assert main(["export", str(run), "tiny", "--output", str(models), "--progress", "off"]) == 0
    assert str(models / "tiny") in capsys.readouterr().out
    assert load_model("tiny").card.family == "edsr3d"


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {f"module.{k}": v for k, v in s.items()}, lambda s: {"state_dict": s}]
)
def test_checkpoints_of_the_reproduction_become_models(wrap, tmp_path, models):
    network = random_weights(MDCSRN(blocks=2, units=2, growth=4)).eval()
    torch.save(wrap(network.state_dict()), tmp_path / "foreign.pt")
    assert main(["import-model", str(tmp_path / "foreign.pt"), "mine"]) == 0
    write_volume(Volume(balls(2, side=20), np.eye(4)), tmp_path / "scan.nii.gz")
    scan = read_volume(tmp_path / "scan.nii.gz")
    settings = Settings(model="mine", target=Target.factor(1), device="cpu", precision="fp32")
    result = enhance(scan, settings).volume.array
    scale = np.percentile(scan.array, 99.9)
    with torch.inference_mode():
        whole = network(torch.from_numpy(scan.array / np.float32(scale))[None, None])[0, 0].numpy() * scale
    inside = (slice(8, 12),) * 3
    assert np.allclose(result[inside], whole[inside], atol=1e-2)
    card = Card.read(models / "mine")
    assert card.hyperparameters["units"] == 2
    assert any("not measured" in limit for limit in card.limits)


class Evil:
    """What a malicious pickle holds."""

    def __reduce__(self):
        return (print, ("code of a pickle ran",))


def test_foreign_files_that_hold_code_or_other_networks_are_refused(tmp_path, capsys):
    with (tmp_path / "evil.pt").open("wb") as file:
        pickle.dump(Evil(), file)
    with pytest.raises(FileError, match="more than tensors"):
        import_mdcsrn(tmp_path / "evil.pt", "x", tmp_path / "x")
    assert "ran" not in capsys.readouterr().out
    torch.save(EDSR3D(4, 1).state_dict(), tmp_path / "edsr.pt")
    with pytest.raises(CatalogError, match="not of mDCSRN"):
        import_mdcsrn(tmp_path / "edsr.pt", "x", tmp_path / "x")
    state = MDCSRN(2, 2, 4).state_dict()
    del state["comp0.weight"]
    torch.save(state, tmp_path / "part.pt")
    with pytest.raises(CatalogError, match="comp0"):
        import_mdcsrn(tmp_path / "part.pt", "x", tmp_path / "x")
    with pytest.raises(FileError, match="check its name"):
        import_mdcsrn(tmp_path / "none.pt", "x", tmp_path / "x")


def test_a_network_for_factor_2_is_used_twice_for_factor_4(tmp_path, models):
    export_run(
        write_run(tmp_path / "run", EDSR3D(16, 2)), "tiny", models / "tiny"
    )  # untrained: returns the initial estimate
    scan = Volume(balls(3, side=16), np.eye(4))
    model = load_model("tiny")
    passes = []
    model.network.register_forward_pre_hook(lambda _network, inputs: passes.append(inputs[0].shape))
    twice = enhance(
        scan, Settings(model="tiny", target=Target.factor(4), precision="fp32", tile=96), model=model
    ).volume
    between = Target.factor(2).grid(scan.grid)
    once = interpolate(scan.array, scan.grid, between)
    expected = interpolate(once, between, Target.factor(2).grid(between)).clip(0)
    assert [shape[2] for shape in passes if shape[2] > 2] == [
        48,
        80,
    ]  # beside corners that tell how much there is to do
    assert np.allclose(twice.array, expected, atol=1e-4)
