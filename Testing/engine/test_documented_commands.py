"""Every command that the documents show is run as it stands, on small scans; what cannot be run is at least read by the grammar."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from engine.conftest import phantom
from mrisr.cli import main, parser
from mrisr.image.files import write_volume
from mrisr.jobs.simulation import simulate
from mrisr.physics.stacks import STACKS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md"]

NOT_RUN = {
    "make ": "`Testing/packaging` tries the Makefile, and the demonstration takes minutes",
    "pip install ": "installs packages",
    "export MRISR_MODELS=": "is about the shell",
    "mrisr train configs/own-scans.toml ": "takes two hours; `test_train_command.py` trains in seconds",
    "mrisr train configs/edsr3d-iso2-told.toml ": "needs the training scans; `test_training_bundle.py` does it with small ones",
    "python -m mrisr train BUNDLE": "needs that bundle",
    "mrisr export runs/edsr3d-iso2-told ": "needs what that trains",
    "mrisr export runs/own-scans ": "needs that training; `test_export.py` exports another",
}
"""What lines begin with that are not run, and why."""


def blocks(document):
    """The shell blocks of a document."""
    return re.findall(
        r"^```(?:sh|bash)\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.M | re.S
    )


def lines(document):
    """The commands in its blocks, one a line."""
    return [
        line for block in blocks(document) for line in block.splitlines() if shlex.split(line, comments=True)
    ]


def mentioned():
    """The commands in running text, and in the examples of `--help`."""
    for document in DOCUMENTS:
        text = re.sub(r"^```.*?^```", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.M | re.S)
        yield from (found.replace("\n", " ") for found in re.findall(r"`(mrisr [a-z][^`]*)`", text))
    for action in parser()._actions:
        for command in (
            (action.choices or {}).values() if isinstance(action, argparse._SubParsersAction) else ()
        ):
            yield from re.findall(r"^  (mrisr .*?)(?:   .*)?$", command.epilog or "", re.M)


def helped(command):
    """What a command's --help says."""
    for action in parser([command])._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices[command].format_help()
    raise KeyError(command)


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A folder with what the documents name: a head, a thick scan of it, and three in different directions."""
    head = phantom((24, 24, 24))
    write_volume(head, tmp_path / "t1.nii.gz")
    thick = simulate(head, "thick4-rect", axis=2)
    write_volume(thick.with_array(thick.array.astype("float32")), tmp_path / "flair.nii.gz")
    for name, stack in zip(
        ("axial", "sagittal", "coronal"), STACKS["stacks3-thick4"].simulate(head), strict=True
    ):
        write_volume(stack.volume, tmp_path / f"{name}.nii.gz")
    anat = tmp_path / "study" / "sub-01" / "anat"
    anat.mkdir(parents=True)
    (tmp_path / "study" / "dataset_description.json").write_text('{"Name": "Study", "BIDSVersion": "1.10.0"}')
    write_volume(thick.with_array(thick.array.astype("float32")), anat / "sub-01_FLAIR.nii.gz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MRISR_MODELS", raising=False)
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_does_what_it_says(document, there, capsys, one_thread):
    run = [line for line in lines(document) if not line.startswith(tuple(NOT_RUN))]
    for line in run:
        command, *words = shlex.split(line, comments=True)
        assert command == "mrisr", line
        assert main(words) == 0, f"{line}\n{capsys.readouterr().err}"
        assert capsys.readouterr().out.strip(), line
        written = [word for word in words if re.search(r"\.(nii\.gz|png|gif|html|json)$", word)]
        missing = [word for word in written if not (there / word).exists()]
        # The protocols of several scans number what they write.
        assert (
            not missing or [(there / f"low_{number}.nii.gz").exists() for number in (1, 2, 3)] == [True] * 3
        ), line
    assert bool(run) == (document == "README.md")


def test_what_is_not_run_is_known_to_the_grammar():
    skipped = [line for each in DOCUMENTS for line in lines(each) if line.startswith(tuple(NOT_RUN))]
    assert {start for start in NOT_RUN for line in skipped if line.startswith(start)} == set(NOT_RUN)
    for line in skipped:
        command, *words = shlex.split(line, comments=True)
        if command == "mrisr":
            assert parser(words).parse_args(words).command == words[0]


def test_commands_in_running_text_and_in_help_are_known_to_the_grammar():
    found = [text for text in mentioned() if len(text.split()) > 2]
    assert len(found) > 25
    for text in found:
        words = shlex.split(text)[1:]
        if len(words) == 2 and words[1].startswith("--"):  # an option of a command
            assert words[1] in parser(words[:1]).format_help() + helped(words[0]), text
        elif words[0] not in ("COMMAND",):
            assert parser(words).parse_args(words).command == words[0], text
