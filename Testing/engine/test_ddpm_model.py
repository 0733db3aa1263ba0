"""Diffusion from training to sample: it learns, repeats itself by seed, agrees with the scan, and does not show its tiles."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.test_export import write_run
from engine.training_helpers import balls, options, silent, table, write_scans
from mrisr.cli import main
from mrisr.errors import Cancelled, CatalogError, ConfigError, InputError
from mrisr.evaluation.calibration import NORMAL, fitted_scale, measure
from mrisr.families.ddpm.model import SECOND, Diffusion
from mrisr.families.ddpm.sampling import Denoiser
from mrisr.families.ddpm.training import train, with_mean
from mrisr.families.edsr3d.network import EDSR3D
from mrisr.image.grid import Target
from mrisr.image.metrics import HEAD, score
from mrisr.image.volume import Volume
from mrisr.models.card import CARD, Card
from mrisr.models.catalog import USER_FOLDERS, load_model
from mrisr.models.discovery import build
from mrisr.neural.networks import build_network
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.progress import CancelToken, Monitor
from mrisr.training import checkpoint
from mrisr.training.export import export_run

NETWORK = {
    "mean": "still",
    "widths": [16, 16, 24],
    "blocks": 1,
    "heads": 2,
    "scale": 0.15,
    "augmentation": 0.03,
}

ISO2 = PROTOCOLS["iso2"]


def recipe(**changes):
    """A tiny diffusion training."""
    patches, card = {"size": [24, 24, 24], "chunk": 8, "multiple": 8}, {"tile": {"side": 96, "multiple": 8}}
    config = table(**{"family": "ddpm", "patches": patches, "card": card, **changes})
    config["network"] = {**NETWORK, **changes.get("network", {})}
    return config


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A models' folder with a network that predicts the mean: an untrained one, which returns the initial estimate."""
    folder = tmp_path_factory.mktemp("ddpm")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(USER_FOLDERS, str(folder / "models"))
        run = write_run(folder / "mean", EDSR3D(8, 1), network={"width": 8, "blocks": 1})
        export_run(run, "still", folder / "models" / "still")
        yield write_scans(folder)
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(place):
    """A diffusion model's card folder after some seconds of training."""
    settings = {"steps": 400, "rate": 4e-3, "repeats": 2, "ema": 0.98}
    work = train(recipe(optimizer=settings), options(place), silent())
    return export_run(work, "tiny", place / "models" / "tiny")


@pytest.fixture
def model(trained):
    return load_model("tiny")


def asked(**changes):
    return Settings(
        **{
            "model": "tiny",
            "target": Target.factor(2),
            "device": "cpu",
            "precision": "fp32",
            "steps": 6,
            **changes,
        }
    )


def with_settings(model, **hyperparameters):
    """The same weights under another card."""
    card = replace(model.card, hyperparameters={**model.card.hyperparameters, **hyperparameters})
    return build(card, model.network.state_dict())


def coarse(seed, side=32):
    """A reference and its scan at half the resolution."""
    reference = Volume(balls(seed, side=side), np.eye(4))
    return reference, ISO2.simulate(reference)


def test_the_mean_of_samples_beats_interpolation_and_the_spread_shows_where_it_errs(model):
    reference, scan = coarse(17, 40)
    acquisition = ISO2.acquisition()
    ask = asked(acquisition=acquisition, target=reference.grid)
    cubic = enhance(scan, replace(ask, model="cubic")).volume
    single = enhance(scan, ask, model=model).volume
    several = enhance(scan, replace(ask, samples=4), model=model)
    cubic, single, mean = (score(reference.array, v.array).psnr_mask for v in (cubic, single, several.volume))
    assert mean > cubic + 0.8
    assert mean > single + 0.8
    inside = reference.array > HEAD
    error = np.abs(several.volume.array - reference.array)[inside]
    spread = several.spread.array[inside]
    wide, narrow = spread > np.quantile(spread, 0.8), spread < np.quantile(spread, 0.2)
    assert error[wide].mean() > 1.15 * error[narrow].mean()


def test_seeds_repeat_and_differ(model):
    _, scan = coarse(5)
    first, again, other = (enhance(scan, asked(seed=s), model=model).volume.array for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.02


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_the_result_scanned_again_is_the_scan_but_for_its_noise(model, noise):
    reference, _ = coarse(6)
    acquisition = replace(ISO2.acquisition(), noise=noise)
    scan = acquisition.simulate(reference, ISO2.measured_grid(reference.grid, (True, True, True)), seed=1)
    ask = asked(acquisition=acquisition, target=reference.grid)
    operator = acquisition.operator(reference.grid, scan.grid)
    guided, free = (
        operator.forward(enhance(scan, ask, model=each).volume.array) - scan.array
        for each in (model, with_settings(model, guidance=0))
    )
    noise_norm = max(noise, 0.002) * np.sqrt(scan.array.size) * np.percentile(scan.array, 99.9)
    if noise:
        assert np.linalg.norm(guided) <= 1.1 * noise_norm
    assert np.linalg.norm(guided) < np.linalg.norm(free) or np.linalg.norm(free) <= 1.1 * noise_norm


def test_tiles_do_not_show(model):
    """With a halo as wide as the network's reach, several tiles along an axis give what one gives."""
    settings = {**model.card.hyperparameters, "widths": [8, 8], "heads": 0}
    torch.manual_seed(1)
    network = build_network("ddpm", settings)
    for parameter in network.views.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    tile = {"side": 96, "halo": 40, "multiple": 4, "bytes_per_voxel": 400}
    tiled = build(replace(model.card, hyperparameters=settings, tile=tile), network.state_dict())
    scan = Volume(np.pad(balls(7, side=24)[:, 8:16, 8:16], [(20, 20), (0, 0), (0, 0)]), np.eye(4))
    whole, parts = (enhance(scan, asked(tile=side, steps=4), model=tiled) for side in (96, 24))
    assert whole.provenance["tile"] != parts.provenance["tile"]
    assert np.abs(whole.volume.array - parts.volume.array).max() < 1e-3 * np.ptp(whole.volume.array)
    assert (
        np.abs(whole.volume.array - enhance(scan, asked(model="still"), model=None).volume.array).max() > 0.05
    )


def test_it_stops_between_steps_and_tells_how_far_it_is(model):
    _, scan = coarse(8)
    token, told = CancelToken(), []

    def progress(stage, done, total):
        if stage == "sampling":
            told.append((done, total))
            if done * 6 >= 3 * total:
                token.cancel()

    with pytest.raises(Cancelled):
        enhance(scan, asked(), model=model, monitor=Monitor(progress, token))
    shares = [done / total for done, total in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(3 / 6)


def test_factor_4_is_factor_2_twice(model):
    scan = Volume(balls(3, side=16), np.eye(4))
    taken = []

    class Spy(Diffusion):
        def _sample(self, stage, context):
            taken.append((stage, context, super()._sample(stage, context)))
            return taken[-1][2]

    spy = Spy(
        replace(model.card, hyperparameters={**model.card.hyperparameters, "guidance": 0.5}),
        model.network.state_dict(),
    )
    whole = enhance(scan, asked(target=Target.factor(4), steps=4), model=spy).volume
    assert whole.shape == (64, 64, 64)
    (first, context, between), (second, _, last) = taken
    assert (first.number, second.number) == (0, 1)
    assert between.shape == (32, 32, 32)
    assert np.array_equal(second.measured, between)
    alone = Diffusion(spy.card, spy.network.state_dict())
    for stage, seed, expected in [(first, context.seed, between), (second, context.seed + SECOND, last)]:
        single = replace(
            context, seed=seed, measured=stage.measured, operator=stage.operator, told_operator=stage.told,
            factor=tuple(stage.lost), tiles=stage.tiles,
        )  # fmt: skip
        assert np.allclose(alone.restore(stage.initial, single), expected, atol=1e-5)
    scale = np.percentile(scan.array, 99.9)
    assert np.allclose(whole.array, last.clip(0) * scale, atol=1e-4)


def test_the_second_stage_is_shown_its_doubts(model):
    taken = []
    original = Denoiser.__init__

    def spy(self, network, kind, angle, level):
        taken.append(level)
        original(self, network, kind, angle, level)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Denoiser, "__init__", spy)
        doubtful = with_settings(model, cascade_noise=0.015)
        enhance(Volume(balls(3, side=12), np.eye(4)), asked(target=Target.factor(4), steps=2), model=doubtful)
    assert taken == [0.0, 0.0, 0.5, 0.5]


def test_less_temperature_is_less_spread(model):
    _, scan = coarse(9)

    def spread(temperature):
        cooled = with_settings(model, temperature=temperature, guidance=0)
        return enhance(scan, asked(samples=2), model=cooled).spread.array.mean()

    assert spread(0.3) < 0.6 * spread(1.0)


def test_calibration_finds_the_factor_that_makes_the_spread_honest(model, trained, place, tmp_path, capsys):
    settings = Settings(device="cpu", precision="fp32", samples=3, steps=4)
    errors = measure("balls", Volume(255 * balls(11), np.eye(4)), ISO2, model, settings, side=40)
    scale = fitted_scale([errors])
    assert errors.within(scale) == pytest.approx(NORMAL, abs=0.01)
    assert errors.within(2 * scale) > errors.within(scale)
    assert errors.gain > errors.gain_single
    assert 0 < errors.fine < errors.fine_single
    scans = [str(place / f"sub-{n}_t1.nii.gz") for n in range(2)]
    ask = [
        "calibrate",
        "tiny",
        scans[0],
        "--fit",
        scans[1],
        "--samples",
        "2",
        "--steps",
        "2",
        "--box",
        "32",
        "--card",
    ]
    before = (trained / CARD).read_text(encoding="utf-8")
    try:
        assert main([*ask, "--progress", "off", "--precision", "fp32"]) == 0
        assert "| sub-0_t1 |" in capsys.readouterr().out
        calibration = Card.read(trained).calibration
        assert (calibration["fitted_on"], calibration["measured_on"]) == (["sub-1_t1"], ["sub-0_t1"])
        _, scan = coarse(9)
        plain, scaled = (
            enhance(scan, asked(samples=2, steps=2), model=m).spread.array
            for m in (model, load_model("tiny"))
        )
        assert np.allclose(scaled, calibration["scale"] * plain, rtol=1e-4, atol=1e-6)
    finally:
        (trained / CARD).write_text(before, encoding="utf-8")
    with pytest.raises(InputError, match="2 samples"):
        measure("balls", Volume(balls(1), np.eye(4)), ISO2, model, Settings())


def test_a_resumed_training_is_the_uninterrupted_one(place, tmp_path):
    config = recipe(optimizer={"steps": 6, "repeats": 2})
    whole = train(config, options(place, work=tmp_path / "whole"), silent())
    token = CancelToken()
    seen = []

    def stop(stage, _done, _total):
        seen.append(stage)
        if sum(s.startswith("training") for s in seen) == 3:
            token.cancel()

    with pytest.raises(Cancelled):
        train(config, options(place, work=tmp_path / "parts"), Monitor(stop, token))
    parts = train(config, options(place, work=tmp_path / "parts", resume=True), silent())
    first, second = (checkpoint.load(work / checkpoint.LAST) for work in (whole, parts))
    assert first["state"]["losses"] == second["state"]["losses"]
    assert all(
        torch.equal(value, second["average"]["weights"][name])
        for name, value in first["average"]["weights"].items()
    )


def test_the_mean_keeps_its_weights_and_travels_with_the_model(trained, place):
    mean = load_model("still").network.state_dict()
    weights = load_model("tiny").network.mean.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in mean.items())
    assert Card.read(trained).hyperparameters["mean"]["family"] == "edsr3d"


def test_a_training_that_goes_on_from_an_older_model_takes_the_mean_it_names(place, tmp_path):
    config = recipe(optimizer={"steps": 1, "rate": 1e-9})
    older = train(config, options(place, work=tmp_path / "older"), silent())
    state = checkpoint.load(older / checkpoint.LAST)
    for name, value in state["average"]["weights"].items():
        value.fill_(0.5 if name.startswith("mean.") else 0.25)
    torch.save(state, older / checkpoint.LAST)
    newer = train({**config, "start": str(older)}, options(place, work=tmp_path / "newer"), silent())
    weights = checkpoint.load(newer / checkpoint.LAST)["average"]["weights"]
    mean = load_model("still").network.state_dict()
    assert all(torch.equal(value, weights[f"mean.{name}"]) for name, value in mean.items())
    rest = [value for name, value in weights.items() if not name.startswith("mean.") and name != "basis"]
    assert all(torch.allclose(value, torch.full_like(value, 0.25), atol=1e-4) for value in rest)


def test_the_steps_asked_for_are_taken(model):
    _, scan = coarse(5, 16)
    told = []
    enhance(
        scan,
        asked(steps=3),
        model=model,
        monitor=Monitor(lambda stage, done, total: told.append((stage, done, total))),
    )
    assert ("sampling", 3, 3) in told
    with pytest.raises(InputError, match="1 or more"):
        asked(steps=0)
    with pytest.raises(InputError, match="1000"):
        enhance(scan, asked(steps=2000), model=model)


def test_what_cannot_be_trained_or_used_is_refused(place, model):
    with pytest.raises(ConfigError, match="mean"):
        with_mean({"network": {}})
    with pytest.raises(CatalogError, match="nobody"):
        with_mean({"network": {"mean": "nobody"}})
    with pytest.raises(CatalogError, match="weights"):
        build(model.card, None)
    with pytest.raises(ConfigError, match="v, noise, clean"):
        train(recipe(network={"prediction": "x"}), options(place, work=place / "bad"), silent())
