"""The worker that stays: several jobs, cancel, the end of standard input, idleness, kept models."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.conftest import phantom
from mrisr.compute import device
from mrisr.errors import CANCELLED
from mrisr.image.files import read_volume, write_volume
from mrisr.jobs import execution, server, upkeep
from mrisr.models import catalog, kept
from mrisr.models.kept import KeptModels

WAIT_S = 60


class Events:
    """A standard output whose events can be waited for."""

    def __init__(self):
        self.came = queue.Queue()

    def write(self, text):
        self.came.put(json.loads(text))

    def flush(self):
        """Everything has arrived."""

    def until(self, *names):
        """The next event of one of these names."""
        while (event := self.came.get(timeout=WAIT_S))["event"] not in names:
            pass
        return event


@pytest.fixture
def serving(monkeypatch):
    """A server in a thread of this process, and the end of a pipe to speak to it."""
    monkeypatch.setattr(upkeep, "wake_up", lambda: None)
    monkeypatch.setattr(kept.KEPT, "most", 0)
    begun = []

    def begin(end=lambda code: None):
        there, here = os.pipe()
        stdin, ask, events = os.fdopen(there), os.fdopen(here, "w", buffering=1), Events()
        one = server.Server(stdin, events, end)
        codes = queue.Queue()
        thread = threading.Thread(target=lambda: codes.put(one.serve()))
        thread.start()
        begun.append((ask, thread))
        return SimpleNamespace(
            say=lambda line: ask.write(line + "\n"), hang_up=ask.close, ask=ask, events=events,
            code=lambda: codes.get(timeout=WAIT_S), thread=thread,
        )  # fmt: skip

    yield begin
    for ask, thread in begun:
        ask.close()
        thread.join(WAIT_S)
        assert not thread.is_alive()
    kept.KEPT._models.clear()


@pytest.fixture
def job(tmp_path):
    """Writes a job's file; the line that asks for it."""
    write_volume(phantom((16, 18, 12)), tmp_path / "scan.nrrd")

    def write(name="out", model="cubic", **settings):
        path = tmp_path / f"{name}.job"
        settings = {"model": model, "target": {"kind": "factor", "values": [2, 2, 2]}, **settings}
        output = str(tmp_path / f"{name}.nrrd")
        task = {"task": "enhancement", "input": str(tmp_path / "scan.nrrd"), "output": output}
        path.write_text(json.dumps({**task, "settings": settings}))
        return json.dumps({"job": str(path)})

    return write


ENDLESS = {"consistency": 10_000_000}


def test_jobs_are_done_one_after_another_whatever_became_of_the_last(serving, job, tmp_path, monkeypatch):
    worker = serving()
    assert worker.events.until("ready")
    worker.say(job("first"))
    assert worker.events.until("finished")["output"] == str(tmp_path / "first.nrrd")
    worker.say(job("second", model="nonesuch"))
    assert worker.events.until("failed")["kind"] == "CatalogError"
    with monkeypatch.context() as patch:
        patch.setattr("mrisr.jobs.enhancement.enhance", lambda *a, **k: 1 / 0)
        worker.say(job("third"))
        assert worker.events.until("failed")["kind"] == "ZeroDivisionError"
    worker.say(json.dumps({"job": str(tmp_path / "nowhere.job")}))
    assert "cannot be used" in worker.events.until("failed")["message"]
    worker.say(job("fourth", model="linear"))
    assert worker.events.until("finished")["provenance"]["model"] == "linear"
    assert read_volume(tmp_path / "fourth.nrrd").shape == (32, 36, 24)
    worker.hang_up()
    assert worker.code() == 0


def test_cancel_stops_its_job_and_not_the_next(serving, job, tmp_path):
    worker = serving()
    worker.say(job("first", **ENDLESS))
    while worker.events.until("progress")["stage"] != "consistency":
        pass
    worker.say("cancel")
    assert worker.events.until("finished", "cancelled")["event"] == "cancelled"
    assert not (tmp_path / "first.nrrd").exists()
    worker.say("cancel")  # comes too late for the first
    worker.say(job("second"))
    assert worker.events.until("finished", "cancelled")["event"] == "finished"


def test_a_job_that_is_cancelled_while_libraries_are_loaded_is_not_begun(serving, job, tmp_path, monkeypatch):
    loaded = threading.Event()
    monkeypatch.setattr(upkeep, "wake_up", lambda: loaded.wait(WAIT_S))
    worker = serving()
    worker.say(job("first"))
    worker.say("cancel")
    assert worker.events.until("ready", "started", "cancelled")["event"] == "cancelled"
    worker.say("cancel")
    worker.say(job("second"))
    loaded.set()
    assert worker.events.until("cancelled", "finished")["output"] == str(tmp_path / "second.nrrd")
    assert not (tmp_path / "first.nrrd").exists()


def test_an_unknown_request_is_told_and_half_a_line_is_none(serving, job, tmp_path):
    worker = serving()
    worker.say("juggle")
    assert "'juggle'" in worker.events.until("log")["message"]
    worker.say('{"job": 3}')
    assert "job" in worker.events.until("log")["message"]
    worker.ask.write(job("first"))  # without the end of the line
    worker.hang_up()
    assert worker.code() == 0
    assert not (tmp_path / "first.nrrd").exists()


def test_it_ends_when_it_is_idle_for_long_enough(serving, job):
    worker = serving()
    worker.events.until("ready")
    worker.say('{"idle": 0.05}')  # is waiting for 10 minutes
    assert worker.code() == 0


def test_at_the_end_of_input_a_job_that_does_not_obey_is_left_behind(serving, job, monkeypatch):
    ends, obeys = queue.Queue(), threading.Event()
    monkeypatch.setattr(server, "GRACE", 0.05)
    monkeypatch.setattr(execution, "execute", lambda *_job: obeys.wait(WAIT_S))
    worker = serving(ends.put)
    worker.events.until("ready")
    worker.say(job())
    worker.hang_up()
    assert ends.get(timeout=WAIT_S) == CANCELLED
    obeys.set()


def test_at_the_end_of_input_a_job_that_obeys_ends_in_order(serving, job, tmp_path):
    ends = queue.Queue()
    worker = serving(ends.put)
    worker.say(job("first", **ENDLESS))
    while worker.events.until("progress")["stage"] != "consistency":
        pass
    worker.hang_up()
    assert worker.events.until("finished", "cancelled")["event"] == "cancelled"
    assert worker.code() == 0
    assert ends.empty()


def test_it_ends_after_a_failure_that_leaves_the_device_unusable(serving, job, monkeypatch):
    import torch

    def synchronize():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", synchronize)
    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    worker = serving()
    worker.say(job("first", model="nonesuch"))
    worker.events.until("failed")
    assert worker.code() == 0


def test_a_device_that_failed_is_asked_anew_before_each_job():
    device.flaw_of("cpu")
    assert device.flaw_of.cache_info().currsize > 0
    upkeep.get_ready()
    assert device.flaw_of.cache_info().currsize == 0


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    """Copies of three small models under names of their own, and up to two of them kept."""
    source = catalog.find("gradient-filters-thick")
    for name in ("a", "b", "c"):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "weights.safetensors").write_bytes(source.weights_path.read_bytes())
        text = (source.folder / "card.json").read_text(encoding="utf-8")
        (folder / "card.json").write_text(json.dumps({**json.loads(text), "name": name}), encoding="utf-8")
    monkeypatch.setenv("MRISR_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(catalog, "KEPT", KeptModels(2))
    return tmp_path / "models"


def test_models_stay_loaded_and_the_one_not_used_for_longest_goes(own_models):
    first = {name: catalog.load_model(name) for name in ("a", "b")}
    assert catalog.load_model("a") is first["a"]
    assert catalog.load_model(own_models / "b") is first["b"]
    assert catalog.load_model("a") is first["a"]
    catalog.load_model("c")
    assert catalog.load_model("a") is first["a"]
    assert catalog.load_model("b") is not first["b"]


@pytest.mark.parametrize("change", ["card", "weights", "weights of the same size"])
def test_a_model_that_has_changed_on_disk_is_loaded_again(own_models, change):
    first = catalog.load_model("a")
    path = own_models / "a" / ("card.json" if change == "card" else "weights.safetensors")
    if change == "card":
        data = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**data, "title": "Another"}), encoding="utf-8")
        assert catalog.load_model("a").card.title == "Another"
        return
    content = path.read_bytes()
    path.write_bytes(content[:-1] + (b"" if change == "weights" else bytes([content[-1] ^ 1])))
    with pytest.raises(catalog.CatalogError, match="SHA-256 differs"):
        catalog.load_model("a")
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    assert catalog.load_model("a") is not first


def test_nothing_is_kept_by_default_nor_what_has_no_weights(own_models, monkeypatch):
    assert catalog.load_model("cubic") is not catalog.load_model("cubic")
    monkeypatch.setattr(catalog, "KEPT", KeptModels())
    assert catalog.load_model("a") is not catalog.load_model("a")
    card = replace(catalog.find("a"), folder=own_models / "gone")
    KeptModels(2).add(card, catalog.load_model("a"))  # its weights are gone meanwhile: no error


def test_a_kept_network_gives_the_same_result_again(serving, job, tmp_path):
    worker = serving()
    for name in ("first", "second"):
        worker.say(job(name, model="edsr3d-iso2", device="cpu", precision="fp32"))
        assert worker.events.until("failed", "finished")["event"] == "finished"
    assert len(kept.KEPT._models) == 1
    np.testing.assert_array_equal(*(read_volume(tmp_path / f"{n}.nrrd").array for n in ("first", "second")))


@pytest.fixture
def process():
    """A worker as Slicer starts it."""
    child = subprocess.Popen(
        [sys.executable, "-u", "-m", "mrisr.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )  # fmt: skip
    yield child
    child.kill()
    child.wait(WAIT_S)
    child.stdin.close()
    child.stdout.close()


def _until(child, event, **fields):
    for line in child.stdout:
        found = json.loads(line)
        if found["event"] == event and fields.items() <= found.items():
            return found
    raise AssertionError(f"the child ended before {event}")


@pytest.mark.parametrize(("what", "how"), [("computing", "end of input"), ("waiting", "SIGTERM")])
def test_a_process_ends_within_five_seconds(process, job, what, how):
    _until(process, "ready")
    if what == "computing":
        process.stdin.write(job("first", **ENDLESS) + "\n")
        _until(process, "progress", stage="consistency")
    begun = time.monotonic()
    if how == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    else:
        process.stdin.close()
    process.stdout.read()
    process.wait(WAIT_S)
    assert time.monotonic() - begun < 5


def test_a_process_that_is_loading_its_libraries_ends_within_five_seconds(process):
    process.stdin.write("hello\n")
    _until(process, "log")  # somebody listens, long before `ready`
    process.stdin.close()
    begun = time.monotonic()
    process.wait(WAIT_S)
    assert time.monotonic() - begun < 5


FIRST = """
import sys
from pathlib import Path
from mrisr.jobs import upkeep
from mrisr.jobs.events import Events
from mrisr.jobs.execution import execute
from mrisr.progress import CancelToken
upkeep.wake_up()
known = set(sys.modules)
code = execute(Path(sys.argv[1]), Events(sys.stderr), CancelToken())
print(code, sorted(name for name in set(sys.modules) - known if not name.startswith("mrisr.")))
"""


def test_the_first_job_imports_no_library_any_more(job):
    path = json.loads(job(model="edsr3d-iso2", device="cpu"))["job"]
    found = subprocess.run([sys.executable, "-c", FIRST, path], capture_output=True, text=True, check=True)
    assert found.stdout == "0 []\n"


def test_the_worker_says_how_it_is_called():
    found = subprocess.run(
        [sys.executable, "-m", "mrisr.worker", "a", "b"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert "usage: python -m mrisr.worker [job.json]" in found.stderr
