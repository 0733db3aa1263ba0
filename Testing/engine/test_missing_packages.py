"""What happens where a package is not installed."""

import io
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.conftest import phantom
from mrisr import packages
from mrisr.cli import main
from mrisr.commands._bars import LINE_SECONDS
from mrisr.commands._options import monitor
from mrisr.compute.device import free_memory
from mrisr.compute.memory import PeakMemory
from mrisr.errors import CatalogError, ConfigError, FileError
from mrisr.image.files import read_volume, write_volume
from mrisr.models import catalog
from mrisr.packages import REQUIREMENTS, needed_for
from mrisr.progress import DETAIL
from mrisr.reports.plot import new_figure


@pytest.fixture
def without(monkeypatch):
    """Makes packages, and what was already loaded from them, impossible to import."""

    def hide(*names):
        for name in list(sys.modules):
            if name.partition(".")[0] in names:
                monkeypatch.delitem(sys.modules, name)
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


def test_a_network_says_what_it_lacks(without):
    without("safetensors")
    lacks = r"edsr3d-iso2 needs the Python package safetensors; install with pip install 'safetensors>=0.4'"
    with pytest.raises(CatalogError, match=lacks):
        catalog.load_model("edsr3d-iso2")
    assert catalog.load_model("cubic").card.name == "cubic"


@pytest.mark.parametrize(
    ("package", "code", "words"),
    [
        (
            "torch",
            "from mrisr.compute.device import resolve; resolve()",
            "DeviceError: A network needs the Python package torch; install with",
        ),
        (
            "torch",
            (
                "sys.modules['safetensors'] = None\n"
                "import numpy; from mrisr import *\n"
                "enhance(Volume(numpy.ones((8, 8, 8)), numpy.eye(4)), Settings(model='edsr3d-iso2'))"
            ),
            "CatalogError: The model edsr3d-iso2 needs the Python packages safetensors, torch; install with",
        ),
    ],
)
def test_devices_and_tiles_say_what_they_lack(package, code, words):
    """In a process of its own: torch does not bear to be taken away from one that goes on."""
    hide = f"import sys; sys.modules[{package!r}] = None\n"
    done = subprocess.run([sys.executable, "-c", hide + code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]


def test_files_say_what_they_lack(without, tmp_path):
    write_volume(phantom((4, 4, 4)), tmp_path / "a.nii.gz")
    without("nibabel")
    with pytest.raises(FileError, match="Reading NIfTI and MGZ needs the Python package nibabel"):
        read_volume(tmp_path / "a.nii.gz")
    with pytest.raises(FileError, match="Writing NIfTI needs the Python package nibabel"):
        write_volume(phantom((4, 4, 4)), tmp_path / "b.nii.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii.gz"]


def test_figures_say_what_they_lack(without, tmp_path, capsys):
    without("matplotlib")
    with pytest.raises(ConfigError, match="needs the Python package matplotlib"):
        new_figure()
    assert main(["figure", "schedule", str(tmp_path / "a.png")]) == 2
    assert (
        "needs the Python package matplotlib; install with pip install 'matplotlib>=3.10'"
        in capsys.readouterr().err
    )


def test_a_package_that_nobody_could_install_is_a_defect():
    with pytest.raises(ImportError, match="nonesuch"), needed_for("This", ConfigError):
        import nonesuch  # noqa: F401
    with pytest.raises(ImportError, match="libcudart"), needed_for("This", ConfigError):
        raise ImportError("libcudart.so.12: cannot open shared object file")


def test_the_requirements_are_those_of_the_package():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    extras = project["optional-dependencies"]
    stated = [*project["dependencies"], *extras["train"], *extras["cluster"]]
    assert set(REQUIREMENTS.values()) <= set(stated)
    assert set(packages.NETWORKS) <= set(REQUIREMENTS)


def measured():
    """The megabytes that 192 more, written and held, are told as."""
    with PeakMemory() as peak:
        held = np.ones(192_000_000, np.uint8)
    assert held.all()
    return peak.megabytes


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's /proc")
@pytest.mark.parametrize("hidden", [(), ("psutil",)])
def test_memory_is_measured_with_psutil_and_without(without, hidden):
    import psutil

    available = psutil.virtual_memory().available
    without(*hidden)
    assert free_memory() == pytest.approx(available, rel=0.2)
    assert measured() == pytest.approx(192, abs=40)


def test_memory_that_nobody_tells_is_unknown_and_not_zero(without, monkeypatch):
    without("psutil")

    def refuse(path, **_settings):
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", refuse)
    assert free_memory() is None
    assert measured() is None


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_without_tqdm_there_is_a_line_now_and_then(without, monkeypatch):
    without("tqdm")
    now = [100.0]
    monkeypatch.setattr("mrisr.commands._bars.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    shown = monitor("bar")
    for done in range(6):
        shown.step(f"training{DETAIL}loss 0.{done}", done, 5)
        now[0] += 0.6 * LINE_SECONDS
    shown.step("model", 0, 2)
    shown.log("A smaller tile is tried.")
    training = [f"training: {done} of 5, loss 0.{done}" for done in (0, 2, 4)]
    assert terminal.getvalue().splitlines() == [*training, "model: 0 of 2", "A smaller tile is tried."]


def test_without_tqdm_a_file_gets_no_progress(without, monkeypatch):
    without("tqdm")
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    monitor("bar").step("model", 1, 2)
    assert file.getvalue() == ""
