import io
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

from engine.conftest import phantom
from mrisr.cluster.workers import Workers
from mrisr.errors import InputError
from mrisr.fusion.settings import FusionSettings
from mrisr.image.files import read_volume, write_volume
from mrisr.image.grid import Target
from mrisr.image.header import Header
from mrisr.image.series import Choice
from mrisr.jobs import worker
from mrisr.jobs.tasks import TASKS, read_job, written_job
from mrisr.physics.estimation import Estimate
from mrisr.physics.stacks import Motion
from mrisr.pipeline.knowledge import Known
from mrisr.pipeline.settings import Settings, consistency_steps


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.nrrd"
    write_volume(phantom((16, 18, 12)), path)
    return path


class Silent(io.StringIO):
    """A standard input that stays open and says nothing until it is told to."""

    def __init__(self):
        super().__init__()
        self.said = threading.Event()

    def __iter__(self):
        self.said.wait(60)
        return iter(["cancel\n"])


def do(tmp_path, stdin=None, **job):
    """Run a job in this process; the exit code and the events."""
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job))
    out = io.StringIO()
    code = worker.main(str(path), stdin or Silent(), out)
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_job_is_done_and_reported(scan, tmp_path):
    output, rest = tmp_path / "out.nrrd", tmp_path / "rest.nrrd"
    code, events = do(
        tmp_path,
        task="enhancement",
        input=str(scan),
        output=str(output),
        residual=str(rest),
        settings={
            "model": "cubic",
            "target": {"kind": "factor", "values": [2, 2, 1]},
            "consistency": 3,
            "detail": 0.5,
            "region": [[2, 2, 2], [10, 12, 8]],
        },
    )
    assert code == 0
    assert [e["event"] for e in (events[0], events[-1])] == ["started", "finished"]
    assert events[0]["pid"] == os.getpid()
    assert {"stage": "consistency", "done": 3, "total": 3, "event": "progress"} in events
    assert events[-1]["provenance"]["model"] == "cubic"
    assert read_volume(output).shape == (16, 20, 6)
    assert rest.exists()


@pytest.mark.parametrize(
    "target", [{"kind": "factor", "values": [2, 2, 1]}, {"kind": "spacing", "values": [0.5, 0.5, 1]}, None]
)
def test_every_kind_of_target(scan, tmp_path, target):
    settings = {"model": "linear", "target": target}
    code, _ = do(
        tmp_path, task="enhancement", input=str(scan), output=str(tmp_path / "out.nrrd"), settings=settings
    )
    assert code == 0


def test_isotropic_voxels_of_thick_slices_but_not_of_a_scan_that_has_them(scan, tmp_path):
    settings = {"model": "linear", "target": {"kind": "isotropic"}}
    job = {"task": "enhancement", "output": str(tmp_path / "out.nrrd"), "settings": settings}
    code, events = do(tmp_path, input=str(scan), **job)
    assert (code, events[-1]["kind"]) == (2, "InputError")
    assert "factor of 2" in events[-1]["message"]
    thick = tmp_path / "thick.nrrd"
    write_volume(phantom((8, 9, 6), affine=np.diag([1.0, 1, 3, 1])), thick)
    assert do(tmp_path, input=str(thick), **job)[0] == 0
    assert read_volume(tmp_path / "out.nrrd").shape == (8, 9, 18)


def test_a_statement_travels_in_a_job_and_a_wrong_one_is_explained(scan, tmp_path):
    job = {"task": "enhancement", "input": str(scan), "output": str(tmp_path / "out.nrrd")}
    _, events = do(tmp_path, settings={"model": "linear", "acquisition": "kspace:0.5@RA"}, **job)
    record = events[-1]["provenance"]
    assert (record["acquisition_source"], record["factor"]) == ("stated", [1.0, 1.0, 1.0])
    assert record["acquisition"]["kspace"].count(0.5) == 2
    code, events = do(tmp_path, settings={"acquisition": "kspace:7"}, **job)
    assert code == 2
    assert "between 0.05 and 1" in events[-1]["message"]


def test_the_model_that_is_proposed_is_run_and_its_reason_told(scan, tmp_path):
    settings = {"model": "auto", "target": {"kind": "factor", "values": [2, 2, 1]}}
    code, events = do(
        tmp_path, task="enhancement", input=str(scan), output=str(tmp_path / "out.nrrd"), settings=settings
    )
    assert code == 0
    assert (events[0]["model"], events[-1]["provenance"]["model"]) == (None, "cubic")
    reason = "Plain interpolation: no model was trained for a factor of 2 x 2 x 1."
    assert reason in [event.get("message") for event in events]
    assert events[-1]["provenance"]["model_reason"] == reason


def test_simulation_and_batch(scan, tmp_path):
    low = tmp_path / "low.nrrd"
    assert (
        do(tmp_path, task="simulation", input=str(scan), output=str(low), protocol="thick4", axis=2)[0] == 0
    )
    assert read_volume(low).shape == (16, 18, 3)
    bad = tmp_path / "bad.nrrd"
    bad.write_text("x")
    outputs = [str(tmp_path / f"{n}.nrrd") for n in "abc"]
    write_volume(phantom((4, 4, 4)), outputs[2])
    code, events = do(tmp_path, task="batch", inputs=[str(scan), str(bad), str(scan)], outputs=outputs)
    assert code == 0
    assert [e["state"] for e in events if e["event"] == "scan"] == ["enhanced", "failed", "skipped"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input": "nowhere.nrrd"}, "no file"),
        ({"settings": {"model": "nonesuch"}}, "no model"),
        ({"task": "juggle"}, "names no task that there is ('juggle')"),
        ({"settings": {"target": {"kind": "factor", "values": [0, 1, 1]}}}, "positive"),
        ({"settings": {"region": [[0, 0, 0], [99, 99, 99]]}}, "does not lie"),
        ({"settings": {"region": [1, 2]}}, "entry settings.region must be a list of 3; got 1"),
        (
            {"settings": {"consistency": "much"}},
            "entry settings.consistency must be a whole number; got 'much'",
        ),
        ({"settings": {"speed": 2}}, "has the unknown entry settings.speed"),
        ({"output": None}, "entry output must be a path"),
    ],
)
def test_mistakes_are_reported_with_a_sentence(scan, tmp_path, change, words):
    job = {"task": "enhancement", "input": str(scan), "output": str(tmp_path / "out.nrrd")} | change
    code, events = do(tmp_path, **job)
    assert code == 2
    assert events[-1]["event"] == "failed"
    assert words in events[-1]["message"]
    assert not (tmp_path / "out.nrrd").exists()
    assert not (tmp_path / "out.json").exists()


def test_a_defect_is_reported_as_one(scan, tmp_path, monkeypatch):
    monkeypatch.setattr("mrisr.jobs.enhancement.enhance", lambda *a, **k: 1 / 0)
    code, events = do(tmp_path, task="enhancement", input=str(scan), output=str(tmp_path / "out.nrrd"))
    assert (code, events[-1]["kind"]) == (1, "ZeroDivisionError")


def test_numbers_of_steps_are_read():
    assert [consistency_steps(v) for v in (None, "off", "7", 5)] == [None, 0, 7, 5]
    with pytest.raises(InputError, match="off or a number"):
        consistency_steps("much")
    with pytest.raises(InputError, match=r"nowhere\.json cannot be used"):
        read_job(Path("nowhere.json"))


@pytest.mark.parametrize("name", TASKS)
def test_every_task_travels_as_json_and_back(name, tmp_path):
    """Each field of a request is given a value that is not its default, and arrives as it was sent."""
    request = TASKS[name].request
    hints = get_type_hints(request)
    given = {field.name: SAMPLE[hints[field.name]] for field in fields(request)}
    sent = request(**given)
    path = tmp_path / "job.json"
    path.write_text(json.dumps(written_job(sent)), encoding="utf-8")
    task, arrived = read_job(path)
    assert task is TASKS[name]
    assert arrived == sent


HEADER = Header(3.0, 3.3, "2D", 2, (1.0, None, 0.5), "BIDS sidecar")
SETTINGS = Settings(
    "linear",
    Target.spacing((1, 1, 2)),
    "slices:3",
    4,
    0.5,
    ((0, 1, 2), (3, 4, 5)),
    "cpu",
    "fp32",
    64,
    7,
    True,
    3,
    9,
    Known(
        HEADER, Estimate(("gaussian", "", ""), (0.9, None, None), (0.1, None, None), (1.0, 0.5, 1.0), "Soft.")
    ),
    True,
)
SAMPLE = {
    Path: Path("a"), Path | None: Path("b"), str: "c", str | None: "d", int: 5, int | None: 6, bool: True, float | None: 7.5, float: 0.5,
    Settings: SETTINGS, Target | None: Target.factor(2), tuple[Path, ...]: (Path("e"), Path("f")),
    tuple[str, ...] | None: ("g",), tuple[str, ...]: ("m",),
    Path | tuple[Path, ...]: (Path("j"), Path("k")), Choice: Choice("l", 8),
    dict[str, Any] | None: {"h": [1]}, tuple[dict[str, Any], ...]: ({"i": 2},), tuple[Header | None, ...]: (None, HEADER),
    Motion: Motion(1.0, 2.0), FusionSettings: FusionSettings(Target.isotropic(), ("slices:3", None), motion="slices"),
    str | Path | None: "n", tuple[str | Path, ...] | None: ("o", "p"), tuple[Choice, ...]: (Choice("q", 1), Choice()),
    Known | None: Known(HEADER), tuple[Known, ...]: (Known(HEADER), Known()), Workers: Workers("tcp://node7:8786", 3, 2, "0.0.0.0"),
}  # fmt: skip


def test_each_scan_of_a_batch_has_its_own_header(scan, tmp_path):
    outputs = [tmp_path / "a.nrrd", tmp_path / "b.nrrd"]
    header = {"thickness": 1.0, "between": 1.0, "dimensions": "3D"}
    job = {
        "task": "batch",
        "inputs": [str(scan)] * 2,
        "outputs": list(map(str, outputs)),
        "headers": [None, header],
    }
    code, _ = do(tmp_path, **job)
    records = [json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) for path in outputs]
    assert code == 0
    assert "DICOM header" not in records[0]["acquisition_basis"]
    assert records[1]["acquisition_source"] == "read"
    code, events = do(tmp_path, **{**job, "headers": [header]})
    assert (code, "as many headers as inputs" in events[-1]["message"]) == (2, True)


def test_cancel_stops_the_work_and_leaves_nothing(scan, tmp_path):
    class Eager(Silent):
        def __iter__(self):
            return iter(["cancel\n"])

    job = {
        "task": "enhancement",
        "input": str(scan),
        "output": str(tmp_path / "out.nrrd"),
        "settings": {"consistency": 100000},
    }
    code, events = do(tmp_path, Eager(), **job)
    assert (code, events[-1]["event"]) == (130, "cancelled")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["job.json", "scan.nrrd"]


def _child(tmp_path, scan, **settings):
    path = tmp_path / "job.json"
    path.write_text(
        json.dumps(
            {
                "task": "enhancement",
                "input": str(scan),
                "output": str(tmp_path / "out.nrrd"),
                "settings": settings,
            }
        )
    )
    return subprocess.Popen(
        [sys.executable, "-m", "mrisr.worker", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


def _until(child, stage):
    for line in child.stdout:
        if json.loads(line).get("stage") == stage:
            return
    raise AssertionError(f"the child ended before {stage}")


@pytest.mark.parametrize("how", ["cancel", "parent dies"])
def test_the_child_obeys_cancel_and_the_death_of_its_parent(scan, tmp_path, how):
    child = _child(tmp_path, scan, consistency=10_000_000)
    _until(child, "consistency")
    if how == "cancel":
        child.stdin.write("cancel\n")
        child.stdin.flush()
    else:
        child.stdin.close()
    child.stdout.read()
    assert child.wait(30) == 130
    assert not (tmp_path / "out.nrrd").exists()
    assert not (tmp_path / "out.json").exists()


def test_a_killed_child_leaves_no_final_file(tmp_path):
    """Killed while it writes: only the temporary name may be left."""
    scan = tmp_path / "scan.nrrd"
    write_volume(
        phantom((100, 100, 100)).with_array(
            np.random.default_rng(0).random((100, 100, 100)).astype(np.float32)
        ),
        scan,
    )
    child = _child(tmp_path, scan, target={"kind": "factor", "values": [2, 2, 2]})
    _until(child, "writing")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.*.partial.nrrd")) and time.monotonic() < deadline:
        time.sleep(0.005)
    child.kill()
    child.wait(30)
    assert not (tmp_path / "out.nrrd").exists()
    assert not (tmp_path / "out.json").exists()
