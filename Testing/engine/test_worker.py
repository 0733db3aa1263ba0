import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from engine.conftest import phantom
from mrisr.errors import InputError
from mrisr.image.files import read_volume, write_volume
from mrisr.jobs import worker
from mrisr.jobs.job import Job, consistency_steps


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
        tmp_path, task="enhance", input=str(scan), output=str(output), residual=str(rest), model="cubic",
        target={"factor": [2, 2, 1]}, consistency=3, detail=0.5, region=[[2, 2, 2], [10, 12, 8]],
    )
    assert code == 0
    assert [e["event"] for e in (events[0], events[-1])] == ["started", "finished"]
    assert events[0]["pid"] == os.getpid()
    assert {"stage": "consistency", "done": 3, "total": 3, "event": "progress"} in events
    assert events[-1]["provenance"]["model"] == "cubic"
    assert read_volume(output).shape == (16, 20, 6)
    assert rest.exists()


@pytest.mark.parametrize("target", [{"factor": [2, 2, 1]}, {"spacing": [0.5, 0.5, 1]}, None])
def test_every_kind_of_target(scan, tmp_path, target):
    code, _ = do(tmp_path, task="enhance", input=str(scan), output=str(tmp_path / "out.nrrd"), model="linear", target=target)
    assert code == 0


def test_isotropic_voxels_of_thick_slices_but_not_of_a_scan_that_has_them(scan, tmp_path):
    job = {"task": "enhance", "output": str(tmp_path / "out.nrrd"), "model": "linear", "target": {"isotropic": True}}
    code, events = do(tmp_path, input=str(scan), **job)
    assert (code, events[-1]["kind"]) == (2, "InputError")
    assert "factor of 2" in events[-1]["message"]
    thick = tmp_path / "thick.nrrd"
    write_volume(phantom((8, 9, 6), affine=np.diag([1.0, 1, 3, 1])), thick)
    assert do(tmp_path, input=str(thick), **job)[0] == 0
    assert read_volume(tmp_path / "out.nrrd").shape == (8, 9, 18)


def test_a_statement_travels_in_a_job_and_a_wrong_one_is_explained(scan, tmp_path):
    job = {"task": "enhance", "input": str(scan), "output": str(tmp_path / "out.nrrd"), "model": "linear"}
    _, events = do(tmp_path, acquisition="kspace:0.5@RA", **job)
    record = events[-1]["provenance"]
    assert (record["acquisition_source"], record["factor"]) == ("stated", [1.0, 1.0, 1.0])
    assert record["acquisition"]["kspace"].count(0.5) == 2
    code, events = do(tmp_path, acquisition="kspace:7", **job)
    assert code == 2
    assert "between 0.05 and 1" in events[-1]["message"]


def test_the_model_that_is_proposed_is_run_and_its_reason_told(scan, tmp_path):
    job = {"task": "enhance", "input": str(scan), "output": str(tmp_path / "out.nrrd"), "model": "auto", "target": {"factor": [2, 2, 1]}}
    code, events = do(tmp_path, **job)
    assert code == 0
    assert (events[0]["model"], events[-1]["provenance"]["model"]) == (None, "cubic")
    reason = "Cubic interpolation: no model was trained for a factor of 2 x 2 x 1."
    assert reason in [event.get("message") for event in events]
    assert events[-1]["provenance"]["model_reason"] == reason


def test_simulation_and_batch(scan, tmp_path):
    low = tmp_path / "low.nrrd"
    assert do(tmp_path, task="simulate", input=str(scan), output=str(low), protocol="thick4", axis=2)[0] == 0
    assert read_volume(low).shape == (16, 18, 3)
    bad = tmp_path / "bad.nrrd"
    bad.write_text("x")
    outputs = [str(tmp_path / f"{n}.nrrd") for n in "abc"]
    write_volume(phantom((4, 4, 4)), outputs[2])
    code, events = do(tmp_path, task="batch", inputs=[str(scan), str(bad), str(scan)], outputs=outputs, model="cubic")
    assert code == 0
    assert [e["state"] for e in events if e["event"] == "scan"] == ["enhanced", "failed", "skipped"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input": "nowhere.nrrd"}, "no file"),
        ({"model": "nonesuch"}, "no model"),
        ({"task": "juggle"}, "job file"),
        ({"target": {"factor": [0, 1, 1]}}, "positive"),
        ({"region": [[0, 0, 0], [99, 99, 99]]}, "does not lie"),
        ({"region": [1, 2]}, "job file"),
        ({"consistency": "much"}, "off or a number"),
    ],
)
def test_mistakes_are_reported_with_a_sentence(scan, tmp_path, change, words):
    job = {"task": "enhance", "input": str(scan), "output": str(tmp_path / "out.nrrd"), "model": "cubic"} | change
    code, events = do(tmp_path, **job)
    assert code == 2
    assert events[-1]["event"] == "failed"
    assert words in events[-1]["message"]
    assert not (tmp_path / "out.nrrd").exists()
    assert not (tmp_path / "out.json").exists()


def test_a_defect_is_reported_as_one(scan, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "enhance_file", lambda *a, **k: 1 / 0)
    code, events = do(tmp_path, task="enhance", input=str(scan), output=str(tmp_path / "out.nrrd"))
    assert (code, events[-1]["kind"]) == (1, "ZeroDivisionError")


def test_numbers_of_steps_are_read():
    assert [consistency_steps(v) for v in (None, "off", "7", 5)] == [None, 0, 7, 5]
    with pytest.raises(InputError):
        Job.read(Path("nowhere.json"))


def test_cancel_stops_the_work_and_leaves_nothing(scan, tmp_path):
    class Eager(Silent):
        def __iter__(self):
            return iter(["cancel\n"])

    job = {"task": "enhance", "input": str(scan), "output": str(tmp_path / "out.nrrd"), "consistency": 100000}
    code, events = do(tmp_path, Eager(), **job)
    assert (code, events[-1]["event"]) == (130, "cancelled")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["job.json", "scan.nrrd"]


def _child(tmp_path, scan, **job):
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"task": "enhance", "input": str(scan), "output": str(tmp_path / "out.nrrd")} | job))
    return subprocess.Popen(
        [sys.executable, "-m", "mrisr.worker", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
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
    write_volume(phantom((100, 100, 100)).with_array(np.random.default_rng(0).random((100, 100, 100)).astype(np.float32)), scan)
    child = _child(tmp_path, scan, target={"factor": [2, 2, 2]})
    _until(child, "writing")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.*.partial.nrrd")) and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait(30)
    assert not (tmp_path / "out.nrrd").exists()
    assert not (tmp_path / "out.json").exists()
