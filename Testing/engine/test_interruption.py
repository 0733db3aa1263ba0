"""Ctrl-C and SIGTERM: whenever they come, a program ends with code 130, and what it leaves is whole; a second one ends it at once."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine import signalled
from engine.conftest import phantom
from engine.training_helpers import write_scans, written_recipe
from mrisr.cli import main
from mrisr.errors import CANCELLED
from mrisr.image.files import read_volume, write_volume
from mrisr.training import checkpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

SIGNALS = 50
RESULT = {"result.json", "result.nii.gz"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of its own for each program that got a signal, beside their data."""
    path = tmp_path_factory.mktemp("signalled")
    write_scans(path)
    write_volume(phantom((16, 18, 12)), path / "scan.nii.gz")
    written_recipe(path, steps=10**6)
    return path


@pytest.fixture(scope="module")
def programs(folder):
    """What became of them."""
    command = [sys.executable, "-m", signalled.__name__, str(folder), str(SIGNALS)]
    tests = Path(__file__).parents[1]
    return json.loads(
        subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=tests).stdout
    )


def test_the_exit_code_is_130_whenever_the_signal_comes(programs):
    assert len(programs) == SIGNALS
    assert {each["program"] for each in programs} == {program.__name__ for program in signalled.PROGRAMS}
    assert [each for each in programs if each["code"] != CANCELLED] == []


def test_a_result_is_whole_or_not_there(programs, folder):
    left = [set(each["left"]) for each in programs if "train" not in each["program"]]
    assert all(found in (set(), RESULT) for found in left)
    assert set() in left
    for number, each in enumerate(programs):
        if "result.nii.gz" in each["left"]:
            assert read_volume(folder / str(number) / "result.nii.gz").shape == (32, 36, 24)


def test_nothing_but_sentences_is_said(programs):
    assert [each for each in programs if "Traceback" in each["log"]] == []
    for each in programs:
        last = each["log"].splitlines()[-1]
        assert each["program"] not in ("work", "serve") or json.loads(last)["event"] in (
            "cancelled",
            "finished",
        )
        assert each["program"] != "go_on_training" or "steps; go on with --resume." in last


def test_a_training_that_was_stopped_goes_on(programs, folder):
    run = folder / str([each["program"] for each in programs].index("go_on_training")) / "run"
    before = checkpoint.load(run / checkpoint.LAST)["state"]
    written_recipe(folder, steps=before["step"] + 1)
    assert main(["train", *signalled.training(folder, run), "--progress", "off", "--resume"]) == 0
    after = checkpoint.load(run / checkpoint.LAST)["state"]
    assert after["step"] == before["step"] + 1
    assert after["losses"][:-1] == before["losses"]


BUSY = """
import hashlib
from mrisr.interruption import Interruption
Interruption()
print("ready", flush=True)
hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)
"""


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_program_that_is_busy_in_a_library(second):
    """For an hour, in which the main thread takes no signal."""
    child = subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True, preexec_fn=heard
    )
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.2)
    child.send_signal(second)
    assert child.wait(60) == CANCELLED
    child.stdout.close()


def heard():
    """Ctrl-C reaches a program of a test that runs in the background, where a shell hands down that it be ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


IGNORED = """
import os, signal
from mrisr.interruption import Interruption
signals = Interruption()
os.kill(os.getpid(), signal.SIGINT)
print(signals.code(0))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_what_is_to_be_ignored_is_and_after_the_work_a_signal_ends_at_once():
    done = subprocess.run(
        [sys.executable, "-u", "-c", IGNORED], stdout=subprocess.PIPE, text=True, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    assert done.stdout == "0\n"
    assert done.returncode == CANCELLED
