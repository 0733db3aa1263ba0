"""Files of jobs hold patients' voxels: those of a Slicer that died are removed, those of one that lives never."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ENGINE = Path(__file__).resolve().parents[2] / "MRISuperResolution"
OWNER = """
import sys, time
from MRISuperResolutionLib.System.JobFolder import JobFolder
folder = JobFolder(sys.argv[1])
(folder.path / "input.nrrd").write_text("voxels")
print(folder.path, flush=True)
time.sleep(600)
"""


@pytest.fixture
def another(tmp_path):
    """Another Slicer with a job of its own: its process and the job's folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ENGINE)},
    )
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.wait()
    process.stdout.close()


def testFilesOfALivingSlicerStayAndThoseOfADeadOneGo(host, another, tmp_path):
    from MRISuperResolutionLib.System import JobFolder

    process, folder = another
    mine = JobFolder.JobFolder(tmp_path)
    JobFolder.removeLeft(tmp_path)
    assert (folder / "input.nrrd").is_file()
    assert mine.path.is_dir()
    process.kill()
    process.wait()
    JobFolder.removeLeft(tmp_path)
    assert list(tmp_path.iterdir()) == [mine.path]
    mine.close()
    mine.close()
    assert list(tmp_path.iterdir()) == []


def testAFolderWithoutALockIsOnlyRemovedOnceItIsOld(host, tmp_path):
    """It is being made just now, or an earlier version made it."""
    from MRISuperResolutionLib.System import JobFolder

    young, old, link = (tmp_path / f"MRISuperResolution-{name}" for name in ("young", "old", "link"))
    foreign, target = tmp_path / "Foreign-old", tmp_path / "target"
    for path in (young, old, foreign, target):
        path.mkdir()
        (path / "input.nrrd").write_text("voxels")
    link.symlink_to(target)
    for path in (old, foreign, target):
        os.utime(path, (time.time() - 25 * 3600,) * 2)
    JobFolder.removeLeft(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {young.name, link.name, foreign.name, target.name}
    assert (target / "input.nrrd").is_file()
    JobFolder.removeLeft(tmp_path / "nowhere")


def testAFullDiskLeavesNoFolder(host, tmp_path, monkeypatch):
    from MRISuperResolutionLib.System import JobFolder

    def full(*_arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(JobFolder, "_locked", full)
    with pytest.raises(OSError, match="No space left"):
        JobFolder.JobFolder(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("when", ["Slicer starts", "the panel is opened"])
def testTheyGoWhen(host, scene, noErrorsInSlots, another, when):
    import slicer

    process, folder = another
    process.kill()
    process.wait()
    left = folder.rename(Path(slicer.app.temporaryPath) / folder.name)
    try:
        if when == "Slicer starts":
            slicer.app.emit("startupCompleted()")
        else:
            host.module.widgetRepresentation()
        assert not left.exists()
    finally:
        host.module.discard()


def testOnWindowsAFolderWhoseFileIsOpenStays(host, tmp_path, monkeypatch):
    """There a file that is open cannot be removed, which stands for a lock."""
    from MRISuperResolutionLib.System import JobFolder

    monkeypatch.setattr(JobFolder, "sys", SimpleNamespace(platform="win32"))
    mine, dead = JobFolder.JobFolder(tmp_path), JobFolder.JobFolder(tmp_path)
    left = dead.path
    os.close(dead._lock)
    held = str(mine.path / JobFolder.LOCK)
    remove = os.unlink

    def unlink(path, **keywords):
        if os.fspath(path) == held:
            raise PermissionError(13, "in use", held)
        remove(path, **keywords)

    monkeypatch.setattr(os, "unlink", unlink)
    JobFolder.removeLeft(tmp_path)
    assert (mine.path.is_dir(), left.exists()) == (True, False)
    monkeypatch.setattr(os, "unlink", remove)
    mine.close()
    assert list(tmp_path.iterdir()) == []


def testPathsInAJobsFolderAreShort(host, tmp_path):
    """Windows allows 259 characters, of which the folder for temporary files takes its part."""
    from mrisr.image.windows import ADDED
    from MRISuperResolutionLib.Jobs.ExamineJobs import LONGEST_NAME
    from MRISuperResolutionLib.System.JobFolder import JobFolder

    folder = JobFolder(tmp_path)
    deepest = folder.path / "scan" / ("x" * (LONGEST_NAME + 1) + ".nrrd")
    assert len(str(deepest.relative_to(tmp_path))) + ADDED <= 130
    folder.close()
