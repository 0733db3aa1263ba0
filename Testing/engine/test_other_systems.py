"""Windows and macOS: names, open files, and what Python has not there; as far as that can be tried on any system."""

import errno
import json
import multiprocessing
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.conftest import phantom
from engine.test_training_data import dataset
from engine.trust_dicom import write_series
from mrisr.commands._places import places_of
from mrisr.errors import FileError
from mrisr.image import windows
from mrisr.image.files import read_volume, told_apart, write_volume
from mrisr.image.replacement import Replacement, check_place, replacing
from mrisr.jobs.batch import pairs_in
from mrisr.neural.conditioning import Inputs
from mrisr.physics.degradation import Degradation
from mrisr.training.data.feed import Feed

THICK = np.diag([1.0, 1.0, 3.0, 1.0])


@pytest.fixture
def on_windows(monkeypatch):
    """What is made of Windows' refusals, on any system."""
    monkeypatch.setattr(windows, "sys", SimpleNamespace(platform="win32"))


@pytest.fixture
def spawning(monkeypatch):
    """New processes begin with nothing of this one, as on Windows and macOS."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


COMMANDS = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
import as_on_windows
as_on_windows.pretend()
from mrisr.cli import program
for line in sys.stdin.read().splitlines():
    sys.argv, held = ["mrisr", *json.loads(line)], None
    if sys.argv[1] == "open":
        held, sys.argv = open(sys.argv[2], "rb"), ["mrisr", *sys.argv[3:]]
    told = io.StringIO()
    with redirect_stderr(told), redirect_stdout(io.StringIO()):
        try:
            code = program()
        except BaseException as error:
            code = repr(error)
    print(json.dumps([code, told.getvalue()]), flush=True)
    if held:
        held.close()
"""


def test_the_commands_get_along_on_a_stand_in_for_windows(tmp_path):
    """No fork, no fcntl, no POSIX signals, nothing renamed or removed while it is open, names as Windows allows them."""
    for name in ("a.nii.gz", "b.nrrd"):
        write_volume(phantom((16, 18, 8), affine=THICK), tmp_path / name)
    write_series(phantom((16, 18, 8), affine=THICK), tmp_path / "series")
    cubic = ("--model", "cubic", "-q")
    steps = [
        (["enhance", "a.nii.gz", "out.nii.gz", *cubic], 0, ""),
        (["enhance", "a.nii.gz", "out.nii.gz", *cubic, "--overwrite"], 0, ""),
        (["enhance", "a.nii.gz", "b.nrrd", "--output", "several/", *cubic], 0, ""),
        (["enhance", "series", "dicom.nrrd", *cubic], 0, ""),
        (["report", "a.nii.gz", "out.nii.gz", "page.html", "-q"], 0, ""),
        (["dicom", "dicom.nrrd", "series", "derived", "-q"], 0, ""),
        (["simulate", "a.nii.gz", "low.nii.gz", "--protocol", "iso2", "-q"], 0, ""),
        (["open", "low.nii.gz", "enhance", "a.nii.gz", "low.nii.gz", *cubic, "--overwrite"], 2, "another program has"),
        (["enhance", "a.nii.gz", "several/aux.nii.gz", *cubic], 2, "Windows keeps the name aux"),
        (["enhance", "a.nii.gz", "several/t1:sag.nii.gz", *cubic], 2, "Windows allows no : in a name"),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS],
        input="\n".join(json.dumps(command) for command, _code, _says in steps),
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(steps), done.stderr
    for (command, code, says), (got, told) in zip(steps, found, strict=True):
        assert got == code, (command, told)
        assert says in told, (command, told)
    assert len(list((tmp_path / "derived").iterdir())) == read_volume(tmp_path / "dicom.nrrd").shape[2]
    assert sorted(path.name for path in (tmp_path / "several").iterdir()) == [
        "a.json", "a.nii.gz", "b.json", "b.nrrd",
    ]  # fmt: skip
    assert [path.name for path in tmp_path.rglob(".*")] == []


@pytest.mark.parametrize(
    "name", ["CON", "aux.nii.gz", "Lpt1.json", "COM¹", "a:b.nii", "what?.nii", "end.", "end ", 'a"b', "a\tb"]
)
def test_names_that_windows_has_no_files_of_are_refused_there_and_made_others(name, on_windows, tmp_path):
    assert windows.flaw_of(name)
    assert windows.flaw_of(windows.safe_name(name, 60) + ".nrrd") == ""
    with pytest.raises(FileError, match="Windows"):
        check_place(tmp_path / name)
    with pytest.raises(FileError, match="Windows"), replacing(tmp_path / name):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["t1.nii.gz", "console.nii", "com.nii", "Kopf schräg (2).nii.gz", ".hidden", "comic", "頭.nii"]
)
def test_other_names_stay_as_they_are(name, on_windows, tmp_path):
    assert windows.flaw_of(name) == ""
    check_place(tmp_path / name)


@pytest.mark.parametrize("text", ["", " ", "...", "a/b\\c", "T2 * TSE <0.5>", "x" * 300, "nul.5 mm"])
def test_what_a_scan_is_called_becomes_a_name_for_any_system(text):
    name = windows.safe_name(text, 60)
    assert name
    assert len(name) <= 61
    assert windows.flaw_of(name) == windows.flaw_of(name + ".nrrd") == ""


def test_a_file_that_a_scanner_for_viruses_holds_for_a_moment_gets_its_name(
    on_windows, monkeypatch, tmp_path
):
    refusals = [PermissionError(errno.EACCES, "in use")] * 3
    moved = []

    class Held:
        def replace(self, target):
            if refusals:
                raise refusals.pop()
            moved.append(target)

    monkeypatch.setattr(windows, "PAUSE_S", 0)
    windows.rename(Held(), tmp_path / "a")
    assert moved == [tmp_path / "a"]
    refusals = [PermissionError(errno.EACCES, "in use")] * 2
    monkeypatch.setattr(windows, "PATIENCE_S", -1)
    with pytest.raises(PermissionError):
        windows.rename(Held(), tmp_path / "a")
    assert len(refusals) == 1


def test_elsewhere_a_refusal_is_final(monkeypatch, tmp_path):
    tried = []

    class Forbidden:
        def replace(self, target):
            tried.append(target)
            raise PermissionError(errno.EACCES, "not allowed")

    monkeypatch.setattr(windows, "sys", SimpleNamespace(platform="darwin"))
    with pytest.raises(PermissionError):
        windows.rename(Forbidden(), tmp_path / "a")
    assert len(tried) == 1


def test_a_path_too_long_for_windows_is_named_as_such(on_windows, monkeypatch, tmp_path):
    """Windows says that the folder is not there."""
    folder = tmp_path / ("deep" * 20) / ("deep" * 20) / ("deep" * 20)

    def made(_partial):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr("mrisr.image.replacement._Partial._made", made)
    with pytest.raises(FileError, match=r"its path has \d+ characters"):
        check_place(folder / "scan.nii.gz")
    with pytest.raises(FileError, match="its folder is gone"):
        check_place(tmp_path / "scan.nii.gz")


def test_a_temporary_name_is_hardly_longer_than_the_final_one(tmp_path):
    for name in ("a", "a.nii.gz", "x" * 30 + ".json", "x" * 200 + ".nii.gz"):
        with Replacement() as files:
            assert len(files.beside(tmp_path / name).name) <= len(name) + windows.ADDED


def test_results_whose_names_differ_by_case_only_are_told_apart(tmp_path):
    for place in ("one/T1.nii.gz", "two/t1.nii.gz", "one/t2.nii.gz"):
        write_volume(phantom((4, 4, 4)), tmp_path / place)
    scans = [str(tmp_path / place) for place in ("one/T1.nii.gz", "two/t1.nii.gz", "one/t2.nii.gz")]
    names = [result.name for _scan, result in places_of(scans, str(tmp_path / "out/")).pairs]
    assert names == ["T1.nii.gz", "t1_2.nii.gz", "t2.nii.gz"]
    assert len({name.casefold() for name in names}) == 3


def test_a_batch_of_such_scans_overwrites_nothing(tmp_path, monkeypatch):
    there = [tmp_path / "in" / name for name in ("T1.nii.gz", "t1.nii.gz", "t1_2.nii.gz")]
    monkeypatch.setattr("mrisr.jobs.batch.find_scans", lambda _folder: there)
    pairs = pairs_in(tmp_path / "in", tmp_path / "out")
    assert [output.name for _scan, output in pairs] == ["T1.nii.gz", "t1_3.nii.gz", "t1_2.nii.gz"]
    assert told_apart(told_apart(there)) == told_apart(there)


def test_training_pairs_come_from_processes_that_begin_with_nothing(spawning):
    def batches(workers):
        feed = Feed(dataset(Degradation()), chunk=3, batch=1, inputs=Inputs(), workers=workers)
        return feed.batches()

    here, there = next(batches(0)), next(batches(1))
    assert torch.equal(here.inputs, there.inputs)
    assert torch.equal(here.target, there.target)
