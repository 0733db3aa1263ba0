import json
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from engine.conftest import oblique_affine, phantom
from mrisr.cli import main
from mrisr.image.files import read_volume, write_volume


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.nii.gz"
    write_volume(phantom((16, 18, 12), affine=oblique_affine((1, 1, 2))), path)
    return path


def test_enhance_makes_a_volume_and_its_record(scan, tmp_path, capsys):
    output = tmp_path / "deep" / "out.nrrd"
    assert (
        main(
            [
                "enhance",
                str(scan),
                str(output),
                "--factor",
                "2,2,1",
                "--model",
                "lanczos",
                "--seed",
                "3",
                "--progress",
                "off",
            ]
        )
        == 0
    )
    assert read_volume(output).shape == (32, 36, 12)
    record = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    assert (record["model"], record["seed"], record["input"]) == ("lanczos", 3, "scan.nii.gz")
    assert "32 x 36 x 12" in capsys.readouterr().out


def test_isotropic_spacing_consistency_and_residual(scan, tmp_path):
    iso, fine, rest = tmp_path / "iso.nii", tmp_path / "fine.mha", tmp_path / "rest.nii.gz"
    assert main(["enhance", str(scan), str(iso), "--isotropic", "--progress", "off"]) == 0
    np.testing.assert_allclose(read_volume(iso).spacing, 1, atol=1e-5)
    arguments = ["--spacing", "0.5", "--consistency", "4", "--residual", str(rest), "--progress", "json"]
    assert main(["enhance", str(scan), str(fine), *arguments]) == 0
    np.testing.assert_allclose(read_volume(fine).spacing, 0.5, atol=1e-5)
    assert read_volume(rest).shape == (16, 18, 12)


def test_the_scans_own_type_is_kept_on_request(tmp_path):
    path = tmp_path / "int.nii.gz"
    write_volume(phantom(), path, np.int16)
    for flags, dtype in [(["--keep-type"], np.int16), ([], np.float32)]:
        arguments = [str(path), str(tmp_path / "out.nii.gz"), "--progress", "off", "--overwrite", *flags]
        assert main(["enhance", *arguments]) == 0
        assert read_volume(tmp_path / "out.nii.gz").array.dtype == dtype


def test_simulate_degrades(scan, tmp_path, capsys):
    output = tmp_path / "low.nii.gz"
    assert (
        main(["simulate", str(scan), str(output), "--protocol", "thick4", "--axis", "0", "--progress", "off"])
        == 0
    )
    assert read_volume(output).shape == (4, 18, 12)
    assert "4 x 18 x 12" in capsys.readouterr().out


def test_evaluate_writes_rows_a_table_and_a_figure(scan, tmp_path, capsys):
    rows, figure = tmp_path / "rows.json", tmp_path / "figure.png"
    arguments = [
        "--protocol",
        "iso2,blur",
        "--model",
        "cubic",
        "--output",
        str(rows),
        "--figure",
        str(figure),
        "--progress",
        "off",
    ]
    assert main(["evaluate", str(scan), *arguments]) == 0
    read = json.loads(rows.read_text(encoding="utf-8"))
    assert len(read) == 8
    keys = "scan protocol model psnr psnr_mask ssim ssim_mask nrmse seconds megavoxels peak_memory_mb device precision acquisition"
    assert list(read[0]) == keys.split()
    assert {row["acquisition"] for row in read} == {"default"}
    assert "| iso2 | default | cubic | 1 |" in capsys.readouterr().out
    assert figure.stat().st_size > 10_000


def test_evaluate_tells_feature_distances_if_asked(scan, tmp_path, capsys):
    rows = tmp_path / "rows.json"
    assert (
        main(
            [
                "evaluate",
                str(scan),
                "--protocol",
                "blur",
                "--features",
                "--output",
                str(rows),
                "--progress",
                "off",
            ]
        )
        == 0
    )
    table = capsys.readouterr().out.splitlines()
    read = json.loads(rows.read_text(encoding="utf-8"))
    assert table[0].endswith("| feature distance |")
    assert len({line.count("|") for line in table}) == 1
    assert all(0 < row["feature_distance"] < 4 for row in read)
    assert table[2].split("|")[-2].strip() == f"{read[0]['feature_distance']:.4f}"
    assert main(["evaluate", str(scan), "--own", "--factor", "2", "--features"]) == 2
    assert "leave it out with --own" in capsys.readouterr().err


def test_models_are_listed_and_shown(capsys):
    assert main(["models"]) == 0
    assert "cubic" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    assert {"cubic", "linear", "lanczos"} <= {card["name"] for card in json.loads(capsys.readouterr().out)}
    assert main(["models", "show", "cubic"]) == 0
    assert "purpose: The yardstick" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["enhance", "nowhere.nii", "out.nii"], "no file or folder"),
        (["enhance", "{scan}", "out.jpeg"], "no kind that can be written"),
        (["enhance", "{scan}", "{out}", "--model", "nonesuch"], "no model"),
        (["enhance", "{scan}", "{out}", "--factor", "0.5"], "coarser"),
        (["enhance", "{scan}", "{out}", "--consistency", "much"], "off or a number"),
        (["enhance", "{folder}", "{out}"], "give a folder"),
        (["enhance", "{scan}", "{out}", "--model", "cubic", "--detail", "7"], "between 0 and 1"),
        (["evaluate", "{scan}", "--protocol", "iso3"], "no protocol"),
        (["evaluate", "{scan}", "--protocol", ","], "at least one protocol"),
        (["evaluate", "{scan}", "--figure", "look.abc"], "end its name"),
        (["evaluate", "{scan}", "--own", "--acquisition", "told"], "no protocol tells"),
        (["simulate", "{scan}", "{out}", "--protocol", "iso2-noisy", "--seed", "-1"], "seed"),
        (["simulate", "{scan}", "{scan}", "--protocol", "iso2"], "is the input"),
        (["models", "show", "nonesuch"], "no model"),
    ],
)
def test_mistakes_are_answered_with_a_sentence_and_code_2(scan, tmp_path, capsys, arguments, words):
    names = {"scan": scan, "out": tmp_path / "out.nii.gz", "folder": tmp_path}
    assert main([a.format(**names) for a in arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out.nii.gz").exists()


@pytest.mark.parametrize("arguments", [["enhance", "a", "b", "--factor", "two"], ["frobnicate"], ["enhance"]])
def test_misspelled_commands_end_with_code_2(arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2


def test_every_command_explains_itself(capsys):
    words = {
        "": "simulate",
        "enhance": "--keep-type",
        "simulate": "half the resolution",
        "evaluate": "--figure",
        "models": "show",
    }
    for command, expected in words.items():
        with pytest.raises(SystemExit) as stop:
            main([*command.split(), "--help"])
        assert stop.value.code == 0
        assert expected in capsys.readouterr().out


def test_a_folder_is_enhanced_scan_by_scan_and_one_bad_scan_stops_nobody(scan, tmp_path, capsys):
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.nii.gz", "c.mha"):
        write_volume(phantom((8, 8, 8)), folder / name)
    (folder / "b.nii").write_text("broken")
    assert main(["enhance", str(folder), str(output), "--progress", "off"]) == 2
    printed = capsys.readouterr().out
    assert "a.nii.gz: enhanced" in printed
    assert "b.nii: failed (b.nii cannot be read" in printed
    assert "c.mha: enhanced" in printed
    assert sorted(p.name for p in output.iterdir()) == ["a.json", "a.nii.gz", "c.json", "c.mha"]
    (folder / "b.nii").unlink()
    assert main(["enhance", str(folder), str(output), "--progress", "off"]) == 0
    assert "a.nii.gz: skipped" in capsys.readouterr().out


def test_scans_that_differ_only_in_kind_keep_it_in_their_names(tmp_path):
    folder, output = tmp_path / "in", tmp_path / "out"
    for name in ("a.nrrd", "a.nii.gz"):
        write_volume(phantom((8, 8, 8)), folder / name)
    assert main(["enhance", str(folder), str(output), "--progress", "off"]) == 0
    assert {p.name for p in output.iterdir()} == {
        "a.nii.gz.json",
        "a.nii.gz.nii.gz",
        "a.nrrd.json",
        "a.nrrd.nrrd",
    }


@pytest.mark.parametrize("case", ["input", "residual", "record", "folder"])
def test_nothing_of_the_users_is_overwritten(scan, tmp_path, capsys, case):
    out = tmp_path / "out.nii.gz"
    (tmp_path / "bids.json").write_text('{"EchoTime": 0.1}')
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    arguments = {
        "input": [str(scan), str(scan), "--factor", "1"],
        "residual": [str(scan), str(out), "--residual", str(out)],
        "record": [str(scan), str(tmp_path / "bids.nii.gz")],
        "folder": [str(tmp_path), str(tmp_path)],
    }[case]
    assert main(["enhance", *arguments, "--progress", "off"]) == 2
    assert "another" in capsys.readouterr().err or case == "residual"
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_bad_scan_does_not_spoil_the_evaluation_of_the_others(scan, tmp_path, capsys):
    twin = tmp_path / "twin" / "scan.nii.gz"
    write_volume(phantom((16, 18, 12), seed=5), twin)
    rows = tmp_path / "rows.json"
    arguments = [
        str(scan),
        "nowhere.nii",
        str(twin),
        "--protocol",
        "blur",
        "--output",
        str(rows),
        "--progress",
        "off",
    ]
    assert main(["evaluate", *arguments]) == 2
    captured = capsys.readouterr()
    assert "nowhere.nii" in captured.err
    assert "| blur | default | cubic | 2 |" in captured.out
    assert len({row["scan"] for row in json.loads(rows.read_text(encoding="utf-8"))}) == 2


def test_an_empty_folder_is_answered_with_a_sentence(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    assert main(["enhance", str(tmp_path / "in"), str(tmp_path / "out")]) == 2
    assert "holds no scans" in capsys.readouterr().err


def test_ctrl_c_ends_with_code_130(scan, tmp_path, monkeypatch, capsys):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("mrisr.jobs.enhancement.enhance", interrupt)
    assert main(["enhance", str(scan), str(tmp_path / "out.nii"), "--progress", "off"]) == 130
    assert "Cancelled" in capsys.readouterr().err


def test_the_module_is_a_program(scan, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mrisr", "enhance", str(scan), str(tmp_path / "out.nii")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "out.nii: 16 x 18 x 24 voxels" in done.stdout


def test_the_real_scans_go_through_every_command(t1_path, thick_path, tmp_path):
    nib.save(nib.load(t1_path).slicer[8:32, 20:52, 20:52], tmp_path / "t1.nii.gz")  # is given to a network
    for number, path in enumerate((tmp_path / "t1.nii.gz", thick_path)):
        out = [str(tmp_path / f"{number}{suffix}") for suffix in (".nii.gz", ".nrrd", "-rows.json")]
        assert main(["enhance", str(path), out[0], "--progress", "off"]) == 0
        assert main(["simulate", str(path), out[1], "--protocol", "blur", "--progress", "off"]) == 0
        assert (
            main(["evaluate", str(path), "--protocol", "blur", "--output", out[2], "--progress", "off"]) == 0
        )
        assert len(json.loads((tmp_path / f"{number}-rows.json").read_text(encoding="utf-8"))) == 4
