"""Files get their names when they are complete, whatever happens to the process, the folder or the disk."""

import errno
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine.conftest import phantom
from engine.test_worker import do
from engine.trust_dicom import write_series
from mrisr.cli import main
from mrisr.errors import FileError, OutOfMemory
from mrisr.image.files import WRITABLE, read_volume, write_volume
from mrisr.image.lock import PATIENCE_S
from mrisr.image.replacement import FULL, Replacement, replacing, unwritable
from mrisr.pipeline.sidecar import record_of, write_record
from mrisr.progress import Monitor
from mrisr.reports.dicom_export import export_dicom

resource = pytest.importorskip("resource", reason="limits of POSIX")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, locks and limits of POSIX")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_temporary_names_cannot_be_foreseen_and_nothing_in_their_place_is_followed(tmp_path, monkeypatch):
    seen = set()
    for _ in range(3):
        with replacing(tmp_path / "a.nii.gz") as partial:
            seen.add(partial.name)
    assert len(seen) == 3
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr("secrets.token_hex", lambda _n: "0" * 16)
    (tmp_path / ".b.0000000000000000.partial.nii").symlink_to(victim)
    with pytest.raises(FileError, match="cannot be written"):
        write_volume(phantom((4, 4, 4)), tmp_path / "b.nii")
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_permissions_of_what_is_replaced_stay_and_hold_while_it_is_written(tmp_path, mode):
    path = tmp_path / "a.nii"
    path.write_text("before")
    path.chmod(mode)
    with replacing(path) as partial:
        assert stat.S_IMODE(partial.stat().st_mode) == mode | stat.S_IWUSR
        partial.write_text("after")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("after", mode)


def test_a_new_file_has_the_permissions_of_new_files(tmp_path):
    (tmp_path / "plain").write_text("")
    write_volume(phantom((4, 4, 4)), tmp_path / "a.nii")
    assert (tmp_path / "a.nii").stat().st_mode == (tmp_path / "plain").stat().st_mode


def _write(*paths, then=None):
    with Replacement() as files:
        for path in paths:
            files.beside(path).write_text("new")
        if then is not None:
            raise then


def test_all_get_their_names_or_none_does(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "taken").write_text("")
    for order in ("ab", "ba"):
        with pytest.raises(FileError, match="b cannot be written"):
            _write(*(tmp_path / name for name in order))
        assert names(tmp_path) == ["b"]
    with pytest.raises(ZeroDivisionError):
        _write(tmp_path / "a", tmp_path / "c", then=ZeroDivisionError())
    assert names(tmp_path) == ["b"]
    _write(tmp_path / "a", tmp_path / "c")
    assert names(tmp_path) == ["a", "b", "c"]


DYING = """
import os, sys
from pathlib import Path
from mrisr.image.replacement import Replacement
with Replacement() as files:
    files.beside(Path(sys.argv[1]) / "a.nii.gz").write_text("half")
    (files.folder(Path(sys.argv[1]) / "series") / "IM1").write_text("half")
    print("written", flush=True)
    sys.stdin.read()
"""


def test_what_the_dead_left_goes_and_what_the_living_write_stays(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", DYING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "written\n"
    written = names(tmp_path)
    assert len(written) == 2
    finished = subprocess.Popen(["true"])
    finished.wait()
    earlier = {"of the dead": finished.pid, "of the living": os.getpid()}
    for words, process in earlier.items():
        (tmp_path / f".{words}.{process}.partial.nii.gz").write_text("half")
    foreign = [".a.partial", "a.0000000000000000.partial.nii", ".notes.12.partial.of.the.book"]
    for name in foreign:
        (tmp_path / name).write_text("somebody's")
    write_volume(phantom((4, 4, 4)), tmp_path / "b.nii")
    stay = [*foreign, "b.nii", f".of the living.{os.getpid()}.partial.nii.gz"]
    assert names(tmp_path) == sorted([*written, *stay])
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    write_volume(phantom((4, 4, 4)), tmp_path / "b.nii")
    assert names(tmp_path) == sorted(stay)


@pytest.fixture(params=["locks of folders", "a file as lock"])
def lock(request, monkeypatch):
    """How folders are locked: as here, or as on Windows, which has no `fcntl`."""
    if request.param == "a file as lock":
        monkeypatch.setattr("mrisr.image.lock.fcntl", None)
    return request.param


def test_two_runs_at_once_never_leave_a_record_of_the_others(tmp_path, lock):
    """Two write a result and its record over and over; whenever nobody gives names, the two that stand there belong together."""
    path, wrong = tmp_path / "r.nii.gz", []

    def write(model):
        for number in range(60):
            with Replacement() as files:
                complete = files.beside(path)
                complete.write_text(f"{model} {number}")
                write_record(path, {"statement": "", "model": model}, complete, files)

    def check():
        try:
            if path.exists() and record_of(path)["model"] not in path.read_text():
                wrong.append("another's record")
        except FileError as error:
            wrong.append(str(error))
        return tmp_path / "check"

    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(write, model) for model in ("cubic", "linear")]
        while not all(run.done() for run in runs):
            with Replacement() as files:
                files.beside(tmp_path / "check", check)
        assert [run.result() for run in runs] == [None, None]
    assert wrong == []
    assert names(tmp_path) == ["check", "r.json", "r.nii.gz"]


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


HOLDING = """
import sys
from pathlib import Path
from mrisr.image import lock
lock.fcntl = None if sys.argv[2] == "a file as lock" else lock.fcntl
with lock.locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_another_process_holds_is_waited_for_but_not_forever(tmp_path, lock, monkeypatch):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path), lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"held\n"
    monkeypatch.setattr("mrisr.image.lock.time", waiting := Clock())
    with replacing(tmp_path / "a"):
        assert waiting.now > PATIENCE_S  # twice: to make the file, and to name it
    child.stdin.close()
    assert child.wait() == 0
    monkeypatch.setattr("mrisr.image.lock.time", waiting := Clock())
    _write(tmp_path / "b")
    assert waiting.now == 0
    assert names(tmp_path) == ["a", "b"]


def test_a_folder_that_takes_no_lock_is_written_without(tmp_path, monkeypatch):
    monkeypatch.setattr("mrisr.image.lock.fcntl", None)
    monkeypatch.setattr("mrisr.image.lock.time", waiting := Clock())
    monkeypatch.setattr("mrisr.image.lock.MARK", "no such folder/mark")
    _write(tmp_path / "a")
    assert names(tmp_path) == ["a"]
    assert 0 < waiting.now < 1


@pytest.fixture
def little_room():
    """No file may become larger than 40 kB, as if the disk were full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", WRITABLE)
def test_no_room_is_said_and_leaves_nothing(tmp_path, little_room, suffix):
    noise = np.random.default_rng(0).random((40, 40, 40)).astype(np.float32)
    with pytest.raises(FileError, match=rf"a{suffix} cannot be written"):
        write_volume(phantom((4, 4, 4)).with_array(noise), tmp_path / f"a{suffix}")
    assert names(tmp_path) == []


ERRORS = {
    errno.ENOSPC: "disk is full",
    errno.EROFS: "read-only",
    errno.EACCES: "not allowed",
    errno.ENOENT: "is gone",
    errno.ENAMETOOLONG: "too long",
}


@pytest.mark.parametrize("number", ERRORS)
def test_errors_of_the_disk_are_sentences(tmp_path, number):
    with pytest.raises(FileError, match=ERRORS[number]):
        _write(tmp_path / "a", then=OSError(number, os.strerror(number)))
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("Failed to allocate memory for image.")])
def test_full_memory_is_called_that_at_every_door(tmp_path, monkeypatch, capsys, error):
    def full(*_args, **_kwargs):
        raise error

    assert str(unwritable(tmp_path / "a", error)) == FULL
    write_volume(phantom((8, 8, 8)), tmp_path / "a.nii")
    with monkeypatch.context() as patch:
        patch.setattr("mrisr.image.nifti.read_nifti", full)
        with pytest.raises(OutOfMemory, match="does not fit into memory"):
            read_volume(tmp_path / "a.nii")
    monkeypatch.setattr("mrisr.jobs.enhancement.enhance", full)
    if isinstance(error, MemoryError):
        assert main(["enhance", str(tmp_path / "a.nii"), str(tmp_path / "b.nii"), "--progress", "off"]) == 2
        assert "Memory is full" in capsys.readouterr().err
        code, events = do(
            tmp_path, task="enhancement", input=str(tmp_path / "a.nii"), output=str(tmp_path / "b.nii")
        )
        assert (code, events[-1]["kind"], events[-1]["message"]) == (2, "OutOfMemory", FULL)


@pytest.mark.parametrize(
    "place", ["a file on the way", "no such disk", "a folder of that name", "a deleted folder"]
)
def test_places_that_cannot_be_written_are_refused_before_anything_is_computed(
    tmp_path, monkeypatch, capsys, place
):
    scan = tmp_path / "scan.nii"
    write_volume(phantom((8, 8, 8)), scan)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.nii").mkdir()
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    if place == "a deleted folder":
        (tmp_path / "gone").rmdir()
    monkeypatch.setattr("mrisr.jobs.enhancement.enhance", lambda *_a, **_k: pytest.fail("it was computed"))
    output = {
        "a file on the way": tmp_path / "file" / "out.nii",
        "no such disk": Path("/proc/nowhere/out.nii"),
        "a folder of that name": tmp_path / "folder.nii",
        "a deleted folder": Path("out.nii"),
    }[place]
    assert main(["enhance", str(scan), str(output), "--progress", "off"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_name_as_long_as_a_disk_takes_works(tmp_path):
    path = tmp_path / ("ä" * 120 + ".nii.gz")
    write_volume(phantom((4, 4, 4)), path)
    assert read_volume(path).shape == (4, 4, 4)
    with pytest.raises(FileError, match="too long"):
        write_volume(phantom((4, 4, 4)), tmp_path / ("ä" * 130 + ".nii.gz"))


@pytest.fixture
def series(tmp_path):
    volume = phantom((12, 14, 8))
    write_series(volume, tmp_path / "series")
    return volume, tmp_path / "series", tmp_path / "out"


def test_a_series_gets_its_folder_when_it_is_complete(series, tmp_path):
    volume, source, out = series
    out.mkdir(mode=0o750)
    seen = []

    def watch(stage, done, _total):
        if stage == "writing" and done == 5:
            seen.append((names(out) if out.exists() else [], len(list(tmp_path.glob(".out.*.partial/*")))))

    export_dicom(volume, source, out, {"model": "cubic"}, Monitor(watch))
    assert seen == [([], 5)]
    assert len(names(out)) == 8
    assert stat.S_IMODE(out.stat().st_mode) == 0o750
    assert names(tmp_path) == ["out", "series"]


def test_a_series_without_room_leaves_nothing(series, tmp_path):
    volume, source, out = series
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    try:
        with pytest.raises(FileError, match="out cannot be written"):
            export_dicom(volume, source, out, {"model": "cubic"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == ["series"]
