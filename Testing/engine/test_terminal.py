"""The terminal as people expect it: names of results, nothing overwritten unasked, JSON, quiet and verbose, guesses, completion."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.conftest import phantom
from engine.trust_dicom import write_series
from mrisr import cli
from mrisr.cli import main, parser
from mrisr.commands._output import QUIET
from mrisr.commands._places import places_of
from mrisr.compute import device
from mrisr.compute.device import Compute
from mrisr.compute.strips import TileShape
from mrisr.compute.threads import VARIABLES, limit_threads
from mrisr.compute.tiling import Tiles
from mrisr.errors import DeviceError, FileError
from mrisr.image.files import read_volume, write_volume
from mrisr.models.card import speed_key
from mrisr.models.catalog import find

CUBIC = ["--model", "cubic", "--factor", "2"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, with a scan of 8 x 8 x 8 voxels."""
    monkeypatch.chdir(tmp_path)
    write_volume(phantom((8, 8, 8)), tmp_path / "t1.nii.gz")
    return tmp_path


def touched(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def planned(*names, output=None, overwrite=False):
    """Where results would go, as texts."""
    found = places_of(names, output, overwrite=overwrite)
    return [(str(scan), str(result)) for scan, result in found.pairs]


# --- names of results


def test_one_name_gives_a_result_beside_it(here):
    touched(here, "deep/a.nii", "b.nrrd", "c.img")
    assert planned("deep/a.nii") == [("deep/a.nii", "deep/a_sr.nii")]
    assert planned("b.nrrd") == [("b.nrrd", "b_sr.nrrd")]
    assert planned("c.img") == [("c.img", "c_sr.nii.gz")], (
        "a kind that cannot be written becomes one that can"
    )


def test_of_two_names_the_second_is_the_result_and_with_output_both_are_scans(here):
    touched(here, "a.nii.gz")
    (here / "there").mkdir()
    assert planned("t1.nii.gz", "new.mha") == [("t1.nii.gz", "new.mha")]
    assert planned("t1.nii.gz", "there") == [("t1.nii.gz", "there/t1.nii.gz")]
    assert planned("t1.nii.gz", "new/") == [("t1.nii.gz", "new/t1.nii.gz")]
    both = [("a.nii.gz", "new/a.nii.gz"), ("t1.nii.gz", "new/t1.nii.gz")]
    assert planned("a.nii.gz", "t1.nii.gz", output="new") == both
    assert planned("*.nii.gz", output="new") == both, "a pattern is looked up"
    assert planned(str(here / "*.nii.gz"), output="new")[0][0] == str(here / "a.nii.gz")


def test_results_in_the_scans_own_folder_are_told_from_the_scans(here):
    touched(here, "a.nii.gz")
    found = planned("t1.nii.gz", "a.nii.gz", output=".")
    assert [Path(result).name for _, result in found] == ["t1_sr.nii.gz", "a_sr.nii.gz"]


def test_a_series_has_its_result_beside_its_folder(here, monkeypatch):
    write_series(phantom((8, 8, 8)), here / "study" / "t2")
    first = sorted((here / "study" / "t2").iterdir())[0]
    assert planned("study/t2/") == [("study/t2", "study/t2_sr.nii.gz")]
    assert planned(str(first)) == [(str(first), str(here / "study" / "t2_sr.nii.gz"))]
    assert planned("study/t2", output="out/") == [("study/t2", "out/t2.nii.gz")]
    monkeypatch.chdir(here / "study" / "t2")
    assert planned(".") == [(".", str(here / "study" / "t2_sr.nii.gz"))]


def test_scans_that_are_called_the_same_get_their_folders_names(here):
    touched(here, "sub-1/t2.nii.gz", "sub-2/t2.nii.gz", "sub-2/pd.nii.gz", "sub-2/pd.nrrd")
    found = dict(planned("sub-*/*", output="out"))
    assert found["sub-1/t2.nii.gz"] == "out/sub-1_t2.nii.gz"
    assert found["sub-2/t2.nii.gz"] == "out/sub-2_t2.nii.gz"
    assert found["sub-2/pd.nrrd"] == "out/pd.nrrd.nrrd"
    assert len(set(found.values())) == 4
    touched(here, "x/anat/t2.nii.gz", "y/anat/t2.nii.gz")
    with pytest.raises(FileError, match=r"2 results would be called out/anat_t2\.nii\.gz"):
        planned("x/anat/t2.nii.gz", "y/anat/t2.nii.gz", output="out")


def test_a_folder_of_scans_has_one_for_results_beside_it(here):
    touched(here, "study/a.nii.gz", "study/b.nii.gz")
    assert [result for _, result in planned("study/")] == ["study_sr/a.nii.gz", "study_sr/b.nii.gz"]
    with pytest.raises(FileError, match="choose another one"):
        planned("study", output="study/")
    with pytest.raises(FileError, match="give a folder"):
        planned("study", "one.nii.gz")


@pytest.mark.parametrize(
    ("names", "output", "words"),
    [
        (["t1.nii.gz", "b.nii", "c.nii"], None, "--output FOLDER"),
        (["t1.nii.gz", "b.nii"], "one.nii.gz", "give a folder"),
        (["none-*.nii.gz"], None, "Nothing is called"),
    ],
)
def test_what_is_not_clear_is_asked_back(here, names, output, words):
    with pytest.raises(FileError, match=words):
        planned(*names, output=output)


# --- nothing is overwritten unasked


def test_a_second_scan_is_not_taken_for_an_old_result(here):
    """As where a pattern finds two scans."""
    write_volume(phantom((8, 8, 8), seed=1), here / "t2.nii.gz")
    before = (here / "t2.nii.gz").read_bytes()
    for more in ([], ["--overwrite"]):
        assert main(["enhance", "t1.nii.gz", "t2.nii.gz", *CUBIC, *more, "-q"]) == 2
        assert (here / "t2.nii.gz").read_bytes() == before
    assert main(["enhance", "t1.nii.gz", "--output", "t2.nii.gz", *CUBIC, "--overwrite", "-q"]) == 0
    assert read_volume(here / "t2.nii.gz").shape == (16, 16, 16)


def test_a_result_is_made_anew_but_a_scan_in_its_place_is_kept_unless_that_is_asked_for(here, capsys):
    assert main(["enhance", "t1.nii.gz", *CUBIC]) == 0
    first = (here / "t1_sr.nii.gz").read_bytes()
    again = ["enhance", "t1.nii.gz", "--model", "linear", "--factor", "2"]
    assert main(again) == 0
    second = (here / "t1_sr.nii.gz").read_bytes()
    assert second != first
    (here / "t1_sr.json").unlink()
    assert main(["enhance", "t1.nii.gz", *CUBIC]) == 2
    assert (
        "t1_sr.nii.gz exists; choose another name, or replace it with --overwrite." in capsys.readouterr().err
    )
    assert (here / "t1_sr.nii.gz").read_bytes() == second
    assert main(["enhance", "t1.nii.gz", *CUBIC, "--overwrite"]) == 0
    assert (here / "t1_sr.nii.gz").read_bytes() != second


def test_several_scans_skip_what_is_there_unless_it_is_to_be_replaced(here, capsys):
    write_volume(phantom((8, 8, 8), seed=1), here / "t2.nii.gz")
    command = ["enhance", "*.nii.gz", "-o", "out", *CUBIC]
    states = []
    for more in ([], [], ["--overwrite"]):
        assert main([*command, *more]) == 0
        states.append([line.split()[1] for line in capsys.readouterr().out.splitlines()])
    assert states == [["enhanced"] * 2, ["skipped"] * 2, ["enhanced"] * 2]


WRITING = {
    "enhance": ["t1.nii.gz", "{old}"],
    "fuse": ["t1.nii.gz", "t1.nii.gz", "{old}"],
    "evaluate": ["t1.nii.gz", "--output", "{old}"],
    "report": ["t1.nii.gz", "t1.nii.gz", "{old}"],
    "figure": ["schedule", "{old}"],
}


@pytest.mark.parametrize("command", WRITING)
def test_no_command_replaces_a_scan_that_was_not_made_here(here, capsys, command):
    (here / "old.nii.gz").write_text("of the user")
    assert main([command, *(word.format(old="old.nii.gz") for word in WRITING[command])]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (here / "old.nii.gz").read_text() == "of the user"
    assert sorted(each.name for each in here.iterdir()) == ["old.nii.gz", "t1.nii.gz"]


@pytest.mark.parametrize("command", [["export", "runs/mine"], ["import-model", "weights.pt"]])
def test_a_model_that_exists_is_not_replaced_either(here, capsys, command):
    touched(here, "models/mine/card.json")
    assert main([*command, "mine", "--output", "models"]) == 2
    assert "models/mine/card.json exists" in capsys.readouterr().err
    assert main([*command, "mine", "--output", "models", "--overwrite"]) == 2
    assert "--overwrite" not in capsys.readouterr().err, "there is nothing to make a model of"


# --- what is printed


def test_json_is_one_object_and_all_there_is_on_standard_output(here, capsys):
    assert main(["enhance", "t1.nii.gz", *CUBIC, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["input"], found["output"], found["state"]) == ("t1.nii.gz", "t1_sr.nii.gz", "enhanced")
    assert found["shape"] == [16, 16, 16]
    assert found["provenance"]["trust"]["color"] in ("green", "amber", "red")


def test_of_several_scans_each_has_a_line_of_json(here, capsys):
    (here / "broken.nii").write_text("no scan")
    assert main(["enhance", "t1.nii.gz", "broken.nii", "-o", "out/", *CUBIC, "--json"]) == 2
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert (good["input"], good["output"], good["state"]) == ("t1.nii.gz", "out/t1.nii.gz", "enhanced")
    assert bad["state"] == "failed"
    assert "broken.nii" in bad["message"]


def test_other_commands_speak_json_too(here, capsys):
    for command in (
        ["simulate", "t1.nii.gz", "low.nii.gz", "--protocol", "blur"],
        ["check", "t1.nii.gz", "low.nii.gz", "--model", "cubic"],
        ["report", "t1.nii.gz", "low.nii.gz", "page.html", "--no-record"],
    ):
        assert main([*command, "--json"]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert len(found) == (2 if command[0] == "check" else 1)
    assert found[0]["output"] == "page.html"


def test_quiet_says_nothing_but_what_went_wrong(here, capsys):
    assert main(["enhance", "t1.nii.gz", *CUBIC, "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["enhance", "none.nii.gz", *CUBIC, "-q"]) == 2
    assert capsys.readouterr().err.startswith("mrisr: There is no file")
    (here / "broken.nii").write_text("no scan")
    assert main(["enhance", "t1.nii.gz", "broken.nii", "-o", "out/", *CUBIC, "-q"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("broken.nii: failed (")
    assert parser().parse_args(["enhance", "a", "-q"]).progress == QUIET


def test_verbose_tells_how_long_stages_took_and_where_an_error_came_from(here, capsys):
    assert main(["enhance", "t1.nii.gz", *CUBIC, "-v"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told if line.endswith(" s")][:1] == ["reading"]
    assert sum(line.startswith("writing: ") for line in told) == 1
    assert main(["enhance", "none.nii.gz", *CUBIC, "-v"]) == 2
    assert "Traceback" in capsys.readouterr().err


# --- a part of the scan


def test_a_region_is_the_part_of_the_whole_result(here):
    main(["enhance", "t1.nii.gz", "whole.nii.gz", *CUBIC, "-q"])
    main(["enhance", "t1.nii.gz", "part.nii.gz", *CUBIC, "-q", "--region", "2:6,:,3:"])
    whole, part = read_volume(here / "whole.nii.gz"), read_volume(here / "part.nii.gz")
    np.testing.assert_allclose(part.array, whole.array[4:12, :, 6:], atol=1e-3)
    np.testing.assert_allclose(part.affine[:3, 3], (whole.affine @ [4, 0, 6, 1])[:3], atol=1e-6)
    record = json.loads((here / "part.json").read_text(encoding="utf-8"))
    assert record["region"] == [[2, 0, 3], [6, 8, 8]]


def test_a_region_that_is_none_or_lies_outside_is_refused(here, capsys):
    with pytest.raises(SystemExit):
        main(["enhance", "t1.nii.gz", "--region", "2-6,3,4"])
    assert "is no box such as" in capsys.readouterr().err
    assert main(["enhance", "t1.nii.gz", *CUBIC, "--region", ":,:,5:9"]) == 2
    assert "does not lie in the scan (8x8x8 voxels)" in capsys.readouterr().err


# --- guesses and usage


@pytest.mark.parametrize(
    ("words", "guess", "usage"),
    [
        (["enhanc", "a.nii"], "Did you mean enhance?", "usage: mrisr [-h]"),
        (["enhance", "a.nii", "--modle", "cubic"], "Did you mean --model", "usage: mrisr enhance"),
        (["fuse", "a.nii", "b.nii", "c.nii", "--spaceing=1"], "Did you mean --spacing", "usage: mrisr fuse"),
        (["models", "show"], "required: NAME", "usage: mrisr models show"),
        (["enhance", "a.nii", "--threads", "0"], "no whole number from 1 on", "usage: mrisr enhance"),
        (["enhance", "a.nii", "--device", "gpu"], "cuda:N", "usage: mrisr enhance"),
    ],
)
def test_a_usage_error_guesses_and_shows_the_commands_own_usage(capsys, words, guess, usage):
    with pytest.raises(SystemExit) as stop:
        main(words)
    told = capsys.readouterr().err
    assert stop.value.code == 2
    assert guess in told
    assert told.startswith(usage)


def test_a_model_that_is_misspelled_is_guessed(here, capsys):
    assert main(["enhance", "t1.nii.gz", "--model", "edsr3d-thik"]) == 2
    assert "There is no model 'edsr3d-thik'. Did you mean edsr3d-thick?" in capsys.readouterr().err
    assert main(["models", "show", "qqqqqq"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


def test_options_may_stand_between_names():
    args = parser().parse_args(
        ["fuse", "a.nii", "b.nii", "--register", "none", "c.nii", "--device", "cpu", "out.nii"]
    )
    assert [*map(str, args.scans), str(args.output)] == ["a.nii", "b.nii", "c.nii", "out.nii"]
    assert (args.register, args.device) == ("none", "cpu")
    assert parser().parse_args(["enhance", "a", "--model", "cubic", "b"]).names == ["a", "b"]


def test_help_groups_the_commands_and_names_each_once(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    titles = ["use models on scans:", "judge scans, models and results:", "make models:"]
    assert [title for title in titles if title in told] == titles
    assert titles == sorted(titles, key=told.index)
    part = {title: told[told.index(title) :].split("\n\n")[0] for title in titles}
    assert "\n  enhance " in part[titles[0]]
    assert "\n  compare " in part[titles[1]]
    assert "\n  train " in part[titles[2]]
    listed = [line.split()[0] for line in told.splitlines() if line.startswith("  ") and line[2] not in " -"]
    assert sorted(listed) == sorted(parser()._commands)


# --- models of one's own, devices, threads


def test_a_models_folder_is_named_with_a_slash(here, capsys):
    folder = here / "cubic"
    folder.mkdir()
    card = json.loads((find("linear").folder / "card.json").read_text(encoding="utf-8")) | {"name": "cubic"}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    assert main(["enhance", "t1.nii.gz", "a.nii.gz", "--model", "./cubic", "--factor", "2", "-q"]) == 0
    assert main(["enhance", "t1.nii.gz", "b.nii.gz", "--model", "linear", "--factor", "2", "-q"]) == 0
    assert main(["enhance", "t1.nii.gz", "c.nii.gz", "--model", "cubic", "--factor", "2", "-q"]) == 0
    a, b, c = (read_volume(here / f"{name}.nii.gz").array for name in "abc")
    assert a.tobytes() == b.tobytes() != c.tobytes()
    assert main(["models", "show", "./cubic"]) == 0
    assert "title: " in capsys.readouterr().out


def test_fusing_takes_a_models_folder_too(here):
    folder = here / "own"
    folder.mkdir()
    card = json.loads((find("linear").folder / "card.json").read_text(encoding="utf-8")) | {"name": "own"}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    write_volume(phantom((16, 16, 16)), here / "head.nii.gz")
    main(["simulate", "head.nii.gz", "low.nii.gz", "--protocol", "stacks2-thick4", "-q"])
    fuse = ["fuse", "low_1.nii.gz", "low_2.nii.gz", "--register", "none", "--device", "cpu", "-q"]
    for name, model in (("a", "./own"), ("b", "linear"), ("c", "none")):
        assert main([*fuse, f"{name}.nii.gz", "--model", model]) == 0
    a, b, c = (read_volume(here / f"{name}.nii.gz").array for name in "abc")
    assert a.tobytes() == b.tobytes() != c.tobytes()
    assert json.loads((here / "a.json").read_text(encoding="utf-8"))["prior"] == "own"


def test_threads_are_limited_before_numpy_is_loaded_and_no_other_command_is():
    code = (
        "import sys, mrisr.cli as cli\n"
        "cli.limit_threads = lambda count: print(count, 'numpy' in sys.modules)\n"
        "cli.main(['check', 'none.nii', '--threads', '3', '-q'])\n"
        "print([m for m in sys.modules if m.startswith('mrisr.commands.') and '._' not in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["3 False", "['mrisr.commands.check']"]


def test_threads_are_those_of_torch_and_of_programs_that_are_started(monkeypatch):
    before = torch.get_num_threads()
    for name in VARIABLES:
        monkeypatch.setenv(name, "1")
    try:
        limit_threads(before + 1)
        assert torch.get_num_threads() == before + 1
        assert {os.environ[name] for name in VARIABLES} == {str(before + 1)}
    finally:
        torch.set_num_threads(before)


def test_one_of_several_graphics_cards(monkeypatch):
    monkeypatch.setattr(device, "available", lambda: ["cuda", "cpu"])
    monkeypatch.setattr(device, "_card_count", lambda: 2)
    monkeypatch.setattr(device, "flaw_of", lambda name: "it is broken" if name == "cuda:0" else None)
    chosen = device.resolve("cuda:1", "fp16")
    assert (chosen.device, chosen.kind, chosen.slow) == ("cuda:1", "cuda", False)
    assert speed_key(chosen.device, "fp16") == "cuda"
    with pytest.raises(DeviceError, match="cuda:2, for its graphics cards are numbered cuda:0 to cuda:1"):
        device.resolve("cuda:2")
    with pytest.raises(DeviceError, match="it is broken"):
        device.resolve("cuda:0")
    monkeypatch.setattr(device, "available", lambda: ["cpu"])
    with pytest.raises(DeviceError, match="offers cpu but not cuda:1"):
        device.resolve("cuda:1")


def test_a_numbered_device_computes_in_the_precision_it_is_asked_for():
    """`cpu:0` stands for one of several cards: torch's autocast knows kinds of devices, not devices."""
    seen = []

    def network(tile):
        seen.append(torch.nn.functional.conv3d(tile, torch.ones(1, 1, 1, 1, 1)).dtype)
        return tile

    whole = torch.ones(1, 16, 16, 16)
    tiles = Tiles(whole[0] > 0, TileShape(), Compute("cpu:0", "bf16"), 16)
    assert torch.equal(tiles(network, whole), whole)
    assert seen == [torch.bfloat16]


# --- check and models


def test_check_recommends_and_ends_with_a_code_if_asked(here, capsys):
    clipped = phantom((24, 24, 24))
    write_volume(clipped.with_array(clipped.array.clip(0, 400)), here / "clipped.nii.gz")
    assert main(["check", "clipped.nii.gz", "--factor", "2"]) == 0
    told = capsys.readouterr().out
    assert "clipped: " in told
    assert "recommended: " in told
    assert "dB on iso2" in told
    assert main(["check", "clipped.nii.gz", "--model", "cubic", "--exit-code"]) == 3
    assert "recommended" not in capsys.readouterr().out
    write_volume(phantom((24, 24, 24)), here / "fine.nii.gz")
    assert main(["check", "fine.nii.gz", "--model", "cubic", "--exit-code"]) == 0


def test_models_tell_gain_factors_and_speed(capsys):
    assert main(["models"]) == 0
    entries = capsys.readouterr().out
    thick = entries[entries.index("\nedsr3d-thick\n") :].split("\ngradient-filters-blur\n")[0]
    assert "refines: one axis by 2 to 6" in thick
    assert "gain: thick4 +" in thick
    assert "s/Mvoxel: cpu-" in thick
    assert max(map(len, entries.splitlines())) <= 80


# --- completion


def test_completion_answers_without_starting_python(tmp_path):
    pytest.importorskip("shtab", reason="`mrisr completion` needs shtab, of the package's dependencies")
    script = subprocess.run(
        [sys.executable, "-m", "mrisr", "completion", "bash"], capture_output=True, text=True, check=True
    ).stdout
    asking = """
PATH=
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _shtab_mrisr mrisr "${!#}"; echo "${COMPREPLY[*]}"; }
ask mrisr enh
ask mrisr enhance --regi
ask mrisr enhance t1.nii.gz --model edsr3d-th
ask mrisr simulate a b --protocol stacks3-thick6
"""
    done = subprocess.run(["/bin/bash"], input=script + asking, capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    assert answers[:3] == ["enhance", "--region", "edsr3d-thick edsr3d-thick-large"]
    assert answers[3].split()[0] == "stacks3-thick6"


def test_what_completion_needs_is_said_where_it_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert cli.main(["completion", "bash"]) == 2
    assert "pip install 'shtab>=" in capsys.readouterr().err
