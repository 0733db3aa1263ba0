"""Every command that the documents show is run as it stands, on small scans; what cannot be run is at least read by the grammar."""

import argparse
import re
import shlex

import pytest

from documents import TERMINAL, blocks, pages, prose
from engine.conftest import phantom
from engine.trust_dicom import write_series
from mrisr.cli import main, parser
from mrisr.image.files import write_volume
from mrisr.jobs.simulation import simulate
from mrisr.physics.stacks import STACKS

NOT_RUN = {
    "make ": "`Testing/packaging` tries the Makefile, and the demonstration takes minutes",
    "pip install ": "installs packages",
    "export MRISR_MODELS=": "is about the shell",
    "mrisr train configs/own-scans.toml ": "takes two hours; `test_train_command.py` trains in seconds",
    "mrisr train configs/edsr3d-iso2-told.toml ": "needs the training scans; `test_training_bundle.py` does it with small ones",
    "python -m mrisr train BUNDLE": "needs that bundle",
    "mrisr export runs/edsr3d-iso2-told ": "needs what that trains",
    "mrisr export runs/own-scans ": "needs that training; `test_export.py` exports another",
    "docker ": "needs Docker; `packaging/test_containers.py` reads what it builds of",
    "apptainer ": "needs Apptainer; likewise",
    "label=": "is a line of a script for SLURM; likewise",
    'mrisr bids study study/derivatives/mrisr participant --participant-label "$label"': "the next one; `test_bids.py` has its like",
}
"""What lines begin with that are not run, and why."""


def lines(document):
    """The commands in a document's blocks, one a line."""
    return [
        line
        for block in blocks(TERMINAL, document)
        for line in block.text.splitlines()
        if shlex.split(line, comments=True)
    ]


DOCUMENTS = [document for document in pages() if lines(document)]


def mentioned():
    """The commands in running text, and in the examples of `--help`."""
    for document in set(pages()) - {"CHANGELOG.md"}:  # which tells of parts of commands
        yield from (
            found.replace("\n", " ") for found in re.findall(r"`(mrisr [a-z][^`]*)`", prose(document))
        )
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
    """A folder with what the documents name: a head, a thick scan of it, three in different directions, and a DICOM series."""
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
    write_series(thick, tmp_path / "series")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MRISR_MODELS", raising=False)
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_does_what_it_says(document, there, capsys, one_thread):
    for line in lines(document):
        if line.startswith(tuple(NOT_RUN)):
            continue
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
