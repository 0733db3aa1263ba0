"""Training: it learns, it resumes as if it had not stopped, it stops when asked, it notices when it breaks."""

import numpy as np
import pytest
import torch

from engine.training_helpers import balls, options, silent, table
from mrisr.errors import Cancelled, CatalogError, ConfigError, FileError
from mrisr.evaluation.scores import compare
from mrisr.image.volume import Volume
from mrisr.models.card import Card
from mrisr.models.catalog import load_model, load_weights
from mrisr.models.discovery import build
from mrisr.physics.protocols import PROTOCOLS
from mrisr.progress import CancelToken, Monitor
from mrisr.training import checkpoint
from mrisr.training.average import Average
from mrisr.training.export import export_run
from mrisr.training.loop import Diverged
from mrisr.training.run import train
from mrisr.training.schedule import Schedule

pytestmark = pytest.mark.usefixtures("one_thread")


def losses(work):
    return checkpoint.load(work / checkpoint.LAST)["state"]["losses"]


def test_a_training_starts_from_a_run_or_from_a_model(scans, tmp_path, monkeypatch):
    work = train(table(optimizer={"steps": 3}), options(tmp_path), silent())
    export_run(work, "parent", tmp_path / "models" / "parent")
    monkeypatch.setenv("MRISR_MODELS", str(tmp_path / "models"))
    run, model = checkpoint.starting_weights(str(work)), checkpoint.starting_weights("parent")
    assert run.keys() == model.keys()
    assert any(weight.abs().max() > 0 for name, weight in model.items() if name.startswith("tail"))
    for name, weight in run.items():
        assert torch.equal(model[name], weight.half().float())
    with pytest.raises(CatalogError, match="nobody"):
        checkpoint.starting_weights("nobody")


def test_some_seconds_of_training_beat_interpolation_by_a_decibel(scans, tmp_path):
    work = train(table(optimizer={"steps": 300, "rate": 3e-3}), options(tmp_path), silent())
    folder = export_run(work, "tiny", tmp_path / "tiny")
    card = Card.read(folder)
    models = {"cubic": load_model("cubic"), "tiny": build(card, load_weights(card))}
    unseen = Volume(balls(17), np.eye(4))
    cubic, mine = compare("balls", unseen, PROTOCOLS["iso2"], models).rows
    assert mine.psnr_mask > cubic.psnr_mask + 1
    assert (work / "report.md").is_file()
    assert (work / "curves.png").is_file()
    assert list((work / "tensorboard").iterdir())


def test_the_same_configuration_gives_the_same_losses_and_another_seed_others(scans, tmp_path):
    first = losses(train(table(), options(tmp_path, work=tmp_path / "a"), silent()))
    again = losses(train(table(), options(tmp_path, work=tmp_path / "b"), silent()))
    other = losses(train(table(seed=4), options(tmp_path, work=tmp_path / "c"), silent()))
    assert first == again
    assert first != other


def test_resuming_equals_never_having_stopped(scans, tmp_path):
    whole = losses(train(table(optimizer={"steps": 7}), options(tmp_path, work=tmp_path / "whole"), silent()))
    work = tmp_path / "parts"
    token = CancelToken()
    steps = []

    def stop_after_three(stage, _done, _total):
        if stage.startswith("training"):
            steps.append(stage)
            if len(steps) == 3:
                token.cancel()

    with pytest.raises(Cancelled, match="--resume"):
        train(table(optimizer={"steps": 7}), options(tmp_path, work=work), Monitor(stop_after_three, token))
    assert len(losses(work)) == 3
    train(table(optimizer={"steps": 7}), options(tmp_path, work=work, resume=True), silent())
    assert losses(work) == whole


def test_resuming_a_wgan_equals_never_having_stopped(scans, tmp_path):
    adversary = {"width": 2, "critic_steps": 1, "pretraining": 1, "extra_every": 2, "extra_steps": 1}
    config = table(adversary=adversary, optimizer={"steps": 4})
    whole = losses(train(config, options(tmp_path, work=tmp_path / "whole"), silent()))
    token, work = CancelToken(), tmp_path / "parts"
    with pytest.raises(Cancelled):
        train(
            config,
            options(tmp_path, work=work),
            Monitor(lambda stage, *_: token.cancel() if "training" in stage else None, token),
        )
    train(config, options(tmp_path, work=work, resume=True), silent())
    assert losses(work) == whole


def test_a_budget_ends_the_training_and_there_must_be_an_end(scans, tmp_path):
    work = train(table(optimizer={"steps": 0}), options(tmp_path, budget=1.5), silent())
    assert checkpoint.load(work / checkpoint.LAST)["state"]["elapsed"] >= 1.5
    with pytest.raises(ConfigError, match="--budget"):
        train(table(optimizer={"steps": 0}), options(tmp_path), silent())


def test_a_loss_that_is_no_number_stops_the_training_and_saves_the_batch(scans, tmp_path):
    with pytest.raises(Diverged, match="broken_batch"):
        train(table(losses={"l1": float("nan")}), options(tmp_path), silent())
    assert set(torch.load(tmp_path / "run" / "broken_batch.pt")) == {"inputs", "target", "step"}


def test_validation_uses_the_models_of_users_and_keeps_the_best(scans, tmp_path):
    validation = {"headline": ["sub-2_t1.nii.gz"], "protocols": ["iso2"], "minutes": 60}
    config = table(validation=validation, data={"train": ["sub-[01]_t1.nii.gz"]}, optimizer={"steps": 2})
    work = train(config, options(tmp_path), silent())
    state = checkpoint.load(work / checkpoint.BEST)["state"]
    assert {"step", "gain", "iso2"} == set(state["validations"][0])
    assert "iso2" in (work / "report.md").read_text(encoding="utf-8")


def test_damaged_and_missing_checkpoints_are_refused(tmp_path):
    with pytest.raises(FileError, match="no checkpoint"):
        checkpoint.load(tmp_path / "none.pt")
    (tmp_path / "last.pt").write_bytes(b"PK not a checkpoint")
    with pytest.raises(FileError, match="damaged"):
        checkpoint.load(tmp_path / "last.pt")
    torch.save({"weights": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(FileError, match="no checkpoint of this software"):
        checkpoint.load(tmp_path / "other.pt")


def test_the_average_follows_its_formula():
    network = torch.nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average = Average(network, 0.5)
    expected = 0.0
    for step in range(4):
        network.weight.data.fill_(float(step + 1))
        average.update(network)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step + 1)
    assert float(average.weights["weight"]) == pytest.approx(expected)


def test_the_rate_rises_then_falls_along_a_cosine():
    schedule = Schedule(1.0, 0.1, steps=100, seconds=50.0)
    assert schedule.progress(20, 1.0) == 0.2
    assert schedule.progress(20, 25.0) == 0.5
    by_steps = Schedule(1.0, 0.1, steps=100)
    assert by_steps.rate_at(0.05, 5) == pytest.approx(0.5)
    assert by_steps.rate_at(0.55, 55) == pytest.approx(0.505)
    assert by_steps.rate_at(1.0, 100) == pytest.approx(0.01)


def test_where_time_ends_it_the_first_hundred_rates_are_the_same_on_any_machine():
    fast, slow = Schedule(1.0, 0.02, seconds=10.0), Schedule(1.0, 0.02, seconds=10_000.0)
    assert [fast.rate_at(n / 300, n) for n in range(100)] == [slow.rate_at(n / 90_000, n) for n in range(100)]
    assert fast.rate_at(0.25, 50) == 0.5
    assert fast.rate_at(0.5, 101) == pytest.approx(0.505)
