"""The container recipes, read as their builders read them, and the commands of the page beside them."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from mrisr.cli import parser

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "containers"

INSTRUCTIONS = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "ENTRYPOINT", "CMD", "LABEL", "USER"}
SECTIONS = {"help", "arguments", "labels", "files", "post", "environment", "runscript", "test"}


@pytest.fixture(scope="module")
def docker():
    """The instructions of the Dockerfile with their arguments, lines joined."""
    lines = [
        line
        for line in (FOLDER / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    text = re.sub(r"\\\n", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def apptainer():
    """The head of the definition, and its sections."""
    head, *parts = re.split(
        r"^%(?=\w)", (FOLDER / "mrisr.def").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    fields = dict(line.split(": ", 1) for line in head.splitlines() if line.strip())
    return fields, {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1] for part in parts}


def is_shell(script):
    return subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)


def sources(docker):
    return [source for word, rest in docker if word == "COPY" for source in shlex.split(rest)[:-1]]


def test_the_dockerfile_is_one(docker):
    words = [word for word, _ in docker]
    assert set(words) <= INSTRUCTIONS
    assert words[words.index("FROM") - 1] == "ARG"
    assert set(words[: words.index("FROM")]) == {"ARG"}
    (image,) = [rest for word, rest in docker if word == "FROM"]
    assert ":" in image
    assert "latest" not in image
    for word, rest in docker:
        if word == "RUN":
            assert is_shell(rest).stderr == ""
    known = {rest.partition("=")[0] for word, rest in docker if word == "ARG"}
    assert {name for _, rest in docker for name in re.findall(r"\$\{(\w+)\}", rest)} <= known


def test_what_containers_are_made_of_is_there_and_let_through(docker, apptainer):
    lines = [line.split() for line in apptainer[1]["files"].splitlines() if line.strip()]
    for source in [*sources(docker), *(line[0] for line in lines)]:
        assert (ROOT / source).exists(), source
    assert {line[0] for line in lines} == set(sources(docker))
    let = {
        line[1:]
        for line in (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        if line[0] == "!"
    }
    assert let == set(sources(docker))


def test_the_wheel_can_be_built_of_what_is_copied(docker):
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    copied = set(sources(docker))
    for needed in re.findall(
        r'^readme = "(.+)"|^license-files = \["(.+)"\]|^packages = \["(.+)"\]', project, re.MULTILINE
    ):
        assert next(filter(None, needed)) in copied
    assert "cluster = [" in project, "the extra that is installed"


def test_containers_are_called_as_bids_apps(docker, apptainer):
    (entry,) = [json.loads(rest) for word, rest in docker if word == "ENTRYPOINT"]
    assert entry == ["mrisr", "bids"]
    assert 'exec mrisr bids "$@"' in apptainer[1]["runscript"]
    args = parser().parse_args(
        [*entry[1:], "/data", "/out", "participant", "--participant_label", "01", "02"]
    )
    assert args.participant_label == ["01", "02"]


def test_the_definition_is_one(apptainer):
    fields, sections = apptainer
    assert fields["Bootstrap"] == "docker"
    assert re.fullmatch(r"[\w./-]+:[\w.-]+", fields["From"])
    assert set(sections) <= SECTIONS
    for name in ("post", "runscript", "environment", "test"):
        script = re.sub(r"\{\{ \w+ \}\}", "x", sections[name])
        assert is_shell(script).stderr == "", name
    given = {line.strip().partition("=")[0] for line in sections["arguments"].splitlines() if line.strip()}
    assert set(re.findall(r"\{\{ (\w+) \}\}", sections["post"])) == given


def test_both_are_of_this_version(docker, apptainer):
    version = re.search(
        r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )[1]
    assert ("ARG", f"TAG={version}") in docker
    assert f"version {version}" in apptainer[1]["labels"]
    assert f"mrisr:{version}" in apptainer[1]["environment"]
    assert set(re.findall(r"mrisr:([\d.]+)", (FOLDER / "README.md").read_text(encoding="utf-8"))) == {version}


def commands():
    """The commands of the page, in shell blocks and between them."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    found = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    found += re.findall(r"`(mrisr bids [^`|]+)`", text)
    return [line for line in found if line.startswith("mrisr ")]


def test_the_pages_commands_are_understood():
    assert len(commands()) == 3
    for line in commands():
        assert parser().parse_args(shlex.split(line)[1:]).command == "bids"


def test_the_script_for_slurm_is_one():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    (script,) = [block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "#SBATCH" in block]
    assert is_shell(script).stderr == ""


def test_the_program_for_dask_jobqueue_is_python_and_calls_a_command_that_is_understood():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(program, "README.md", "exec")
    words = re.search(r"\[\s*(\"mrisr\".*?)cluster\.scheduler_address", program, re.DOTALL)[1]
    given = [*re.findall(r'"([^"]+)"', words)[1:], "tcp://node:8786"]
    assert parser().parse_args(given).scheduler == "tcp://node:8786"
