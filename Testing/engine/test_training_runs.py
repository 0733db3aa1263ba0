"""The folder of a run and what may befall it: other devices, Ctrl-C, a second start, another configuration, held subjects."""

import json
from pathlib import Path

import pytest
from accelerate import Accelerator

from engine.training_helpers import options, silent, table, write_scans
from mrisr.errors import Cancelled, ConfigError
from mrisr.image.files import read_volume, stem_of, write_volume
from mrisr.jobs.simulation import simulate
from mrisr.progress import CancelToken, Monitor
from mrisr.training import checkpoint
from mrisr.training.config import Config
from mrisr.training.export import export_run
from mrisr.training.run import build_dataset, build_loop, train
from mrisr.training.split import find_split

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("one_thread")


def loop_in(tmp_path, **changes):
    config = Config.of(table(**changes))
    dataset = build_dataset(config, find_split(config, tmp_path), silent())
    return build_loop(config, dataset, tmp_path / "run", options(tmp_path), silent())


def test_the_average_is_on_the_device_that_the_network_is_moved_to(scans, tmp_path, monkeypatch):
    """As where accelerate moves it to a GPU; the meta device stands for one on machines that have none."""
    state = loop_in(tmp_path).checkpoint()
    monkeypatch.setattr(
        Accelerator, "prepare", lambda _self, network, optimizer: (network.to("meta"), optimizer)
    )
    loop = loop_in(tmp_path)
    loop.average.update(loop.bare)
    loop.average.restore(state["average"])
    loop.average.update(loop.bare)
    assert {weight.device.type for weight in loop.average.weights.values()} == {"meta"}


def test_a_run_is_not_begun_anew_in_its_folder(scans, tmp_path):
    work = train(table(), options(tmp_path), silent())
    before = (work / checkpoint.LAST).read_bytes()
    with pytest.raises(ConfigError, match="--resume"):
        train(table(seed=9), options(tmp_path), silent())
    assert (work / checkpoint.LAST).read_bytes() == before


def test_resuming_where_nothing_was_begun_says_so(scans, tmp_path):
    said = []
    train(table(), options(tmp_path, resume=True), Monitor(log=said.append))
    assert any("no checkpoint" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"width": 8}}, "another network"),
        ({"network": {"blocks": 3}}, "another network"),
    ],
)
def test_resuming_another_network_is_refused(scans, tmp_path, changes, message):
    work = train(table(optimizer={"steps": 1}), options(tmp_path), silent())
    before = (work / "config.json").read_bytes()
    with pytest.raises(ConfigError, match=message):
        train(table(**changes), options(tmp_path, resume=True), silent())
    assert (work / "config.json").read_bytes() == before


def test_weights_of_another_size_are_no_start(scans, tmp_path):
    work = train(table(optimizer={"steps": 1}), options(tmp_path), silent())
    with pytest.raises(ConfigError, match="do not fit"):
        train(
            table(network={"width": 8}, start=str(work)), options(tmp_path, work=tmp_path / "other"), silent()
        )


@pytest.mark.parametrize(
    "changes",
    [
        {
            "family": "mdcsrn",
            "network": {"blocks": 1, "units": 1, "growth": 4},
        },  # as published, without planes
        {"network": {"stride": [4, 4, 4]}, "patches": {"size": [18, 18, 18]}},
        {"network": {"estimates": 2}},  # without projections
        {"network": {"stride": [2, 2]}},
    ],
    ids=[
        "no planes",
        "patches that the stride does not divide",
        "an estimate that is not made",
        "a stride of two axes",
    ],
)
def test_a_network_that_cannot_take_a_patch_is_refused_before_training(scans, tmp_path, changes):
    config = {**table(), **changes} if changes.get("family") == "mdcsrn" else table(**changes)
    with pytest.raises(ConfigError, match="network"):
        train(config, options(tmp_path), silent())
    assert not (tmp_path / "run" / checkpoint.LAST).exists()


@pytest.mark.parametrize(
    ("changes", "entry"),
    [
        ({"optimizer": {"batch": 0}}, "optimizer.batch"),
        ({"optimizer": {"steps": -1}}, "optimizer.steps"),
        ({"patches": {"multiple": 0}}, "patches.multiple"),
        ({"seed": -1}, "seed"),
        ({"loss_margin": 12}, "loss_margin"),
        ({"degradation": {"kspace": [0.5, 1.5]}}, "k-space"),
        ({"degradation": {"factor": [0, 1]}}, "factors"),
        ({"degradation": {"profile": "spline"}}, "matrix"),
        ({"degradation": {"refines": "one"}}, "network.refines"),
        ({"losses": {"l3": 1.0}}, "l3"),
        ({"validation": {"protocols": ["iso-2"]}}, "iso-2"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_at_once(changes, entry):
    with pytest.raises(ConfigError, match=entry):
        Config.of(table(**changes))


def test_subjects_that_validation_uses_are_not_trained_on(tmp_path):
    write_scans(tmp_path, 4)
    said = []
    config = Config.of(
        table(
            validation={"headline": ["sub-1_t1.nii.gz"], "cohort": ["sub-3_t1.nii.gz"], "protocols": ["iso2"]}
        )
    )
    split = find_split(config, tmp_path, Monitor(log=said.append))
    assert [file.path.name for file in split.scans] == ["sub-0_t1.nii.gz", "sub-2_t1.nii.gz"]
    assert [path.name for path in split.held["cohort"]] == ["sub-3_t1.nii.gz"]
    assert any("2 of 4" in sentence for sentence in said)


def test_a_share_of_the_subjects_is_kept_for_validation(tmp_path):
    write_scans(tmp_path, 4)
    config = Config.of(table(validation={"protocols": ["iso2"]}, data={"validation_share": 0.5}))
    split = find_split(config, tmp_path)
    assert len(split.scans) == len(split.headline) == 2
    assert not {file.path for file in split.scans} & set(split.headline)


def test_the_last_weights_are_validated_unasked(scans, tmp_path):
    work = train(
        table(validation={"protocols": ["iso2"]}, optimizer={"steps": 2}), options(tmp_path), silent()
    )
    last = checkpoint.load(work / checkpoint.LAST)["state"]
    assert [found["step"] for found in last["validations"]] == [2]
    assert last["best"] == last["validations"][0]["gain"]
    assert (work / checkpoint.BEST).is_file()


def test_stopping_in_a_validation_keeps_the_training(scans, tmp_path):
    token = CancelToken()
    monitor = Monitor(lambda stage, *_: token.cancel() if "iso2" in stage else None, token)
    config = table(validation={"protocols": ["iso2"]}, optimizer={"steps": 2})
    with pytest.raises(Cancelled, match="complete"):
        train(config, options(tmp_path), monitor)
    assert checkpoint.load(tmp_path / "run" / checkpoint.LAST)["state"]["step"] == 2


def test_real_pairs_are_split_by_subject_validated_and_measured(tmp_path):
    scans = write_scans(tmp_path, 3)
    for path in sorted(scans.glob("sub-*")):
        write_volume(simulate(read_volume(path), "iso2"), tmp_path / f"low_{path.name}")
    rows = [f"low_sub-{n}_t1.nii.gz,sub-{n}_t1.nii.gz" for n in range(3)]
    (tmp_path / "pairs.csv").write_text("\n".join(["low,high", *rows]))
    work = train(
        table(data={"train": [], "pairs": "pairs.csv"}, optimizer={"steps": 2}), options(tmp_path), silent()
    )
    note = json.loads((work / "config.json").read_text(encoding="utf-8"))
    ((_, held),) = note["held_pairs"]
    assert len(note["scans"]) == 2
    assert stem_of(Path(held)) not in note["scans"]
    assert note["factor"] == [2.0, 2.0]
    assert "pairs" in checkpoint.load(work / checkpoint.BEST)["state"]["validations"][0]
    card = json.loads(
        (export_run(work, "paired", tmp_path / "models" / "paired") / "card.json").read_text(encoding="utf-8")
    )
    assert [(entry["protocol"], entry["scans"], entry["count"]) for entry in card["quality"]] == [
        ("pairs", "headline", 1)
    ]
    assert card["protocols"] == []
    assert card["training"]["scans"] == note["scans"]
