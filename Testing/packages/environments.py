"""Python environments with exact packages, made once below `.venv` and kept for the next run."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENGINE = ROOT / "MRISuperResolution"
SLICERS = (3, 12)
STAMP = "made-of.txt"


def slicer_python():
    """An interpreter with exactly the packages of `requirements-slicer-5.10.txt`, of Slicer's version if one is found."""
    base = next((path for path in _candidates() if _version(path) == SLICERS), None)
    if base is None:
        base = sys.executable
        warnings.warn(
            f"There is no Python 3.12, which Slicer has: its packages are tested with {sys.version.split()[0]}.",
            stacklevel=2,
        )

    def make(folder, requirements):
        subprocess.run([base, "-m", "venv", "--without-pip", str(folder)], check=True)
        _pip(["--python", str(_interpreter(folder)), "install"], requirements)

    return _interpreter(_kept("slicer-5.10", _version(base), "requirements-slicer-5.10.txt", make))


def older_packages():
    """A folder with the packages of `requirements-older.txt` for the running interpreter."""
    return _kept(
        "older",
        sys.version_info[:2],
        "requirements-older.txt",
        lambda folder, requirements: _pip(["install", "--target", str(folder)], requirements),
    )


def packages_of(python):
    """Names and versions of what is installed for an interpreter."""
    code = "import importlib.metadata as m, json; print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def required(name):
    """Names and versions in a file of requirements that hold for Slicer's Python."""
    text = (HERE / name).read_text(encoding="utf-8")
    found = re.findall(r"^([\w-]+)==([\w.]+)(?:; python_version < \"3.13\")?\s*$", text, re.MULTILINE)
    return {package.lower(): version for package, version in found}


def child(python, *arguments, paths=(ENGINE,), requests=()):
    """What a process says, that finds packages in `paths` and in what its interpreter has, and nowhere else.

    Its standard input gets the requests, one a line, and stays open as long as it runs: the worker takes the end of it for the death of
    its parent.

    Returns:
        The exit code, standard output and standard error.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MRISR"))}
    environment = kept | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONUTF8": "1"}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        with subprocess.Popen(
            [str(python), *arguments], env=environment, encoding="utf-8", **streams
        ) as process:
            process.stdin.writelines(f"{request}\n" for request in requests)
            process.stdin.flush()
            said = process.stdout.read()
        errors.seek(0)
        return process.returncode, said, errors.read()


def _candidates():
    yield sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from (str(path) for path in sorted(pyenv.glob("3.12*/bin/python"), reverse=True))
    if on_path := shutil.which("python3.12"):
        yield on_path


def _version(python):
    """Major and minor number; None if it does not run, as pyenv's stand-ins for versions that are not chosen."""
    code = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


def _interpreter(folder):
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _kept(name, version, requirements, make):
    """The folder `.venv/name`; made anew if the requirements or the Python have changed, or it was left half done."""
    folder, file = ROOT / ".venv" / name, HERE / requirements
    made_of = f"Python {version[0]}.{version[1]}\n" + file.read_text(encoding="utf-8")
    stamp = folder / STAMP
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != made_of:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
        make(folder, file)
        stamp.write_text(made_of, encoding="utf-8")
    return folder


def _pip(arguments, requirements):
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-compile",
        "--only-binary",
        ":all:",
        "--requirement",
    ]
    command = [sys.executable, "-m", "pip", *arguments, *options, str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"The packages of {requirements.name} could not be installed; connect to the network once."
        pytest.fail(f"{message}\n{done.stderr}", pytrace=False)
