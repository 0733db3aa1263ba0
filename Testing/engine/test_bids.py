"""The BIDS app on a small data set: what is made, what is left out and why, and that nothing is done twice."""

import csv
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import bids_dataset
from engine.bids_dataset import BROKEN, DWI, ISOTROPIC, put, write_dataset, write_scan
from mrisr.bids.choices import Choices
from mrisr.bids.states import States
from mrisr.cli import main
from mrisr.cluster.workers import Workers
from mrisr.compute import device
from mrisr.errors import ConfigError, DeviceError, FileError, InputError, WriteError
from mrisr.image.files import read_volume
from mrisr.jobs import bids, bids_group, bids_work
from mrisr.models import catalog
from mrisr.pipeline.provenance import version
from mrisr.pipeline.settings import AUTO, Settings
from mrisr.pipeline.sidecar import record_of
from mrisr.reports.group_page import MEANING

psutil = pytest.importorskip("psutil")

SCANS, DONE = 24, 22


def contents(folder):
    """Every file below a folder, with its content's checksum and when it was last changed."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def made(output):
    return sorted(path.relative_to(output).as_posix() for path in output.glob("sub-*/**/*.nii.gz"))


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def study(raw):
    """The data set, enhanced by two workers into a folder inside of it, one of which was killed on the way."""
    pytest.importorskip("distributed", reason="needs the extra cluster")
    before, output, killed = contents(raw), raw / "derivatives" / "mrisr", []
    killer = threading.Thread(target=kill_a_worker, args=(output, killed), daemon=True)
    killer.start()
    request = bids.Request(raw, output, settings=Settings("cubic"), workers=Workers("local", jobs=2))
    reply = bids.run(request)
    killer.join()
    return before, output, reply, killed


def kill_a_worker(output, killed):
    """As soon as the first result is there."""
    patience = time.monotonic() + 120
    while not list(output.glob("sub-*/**/*.nii.gz")) and time.monotonic() < patience:
        time.sleep(0.02)
    workers = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    killed += [worker.pid for worker in workers]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_all_that_should_be_done_is_although_a_worker_was_killed(raw, study):
    _, output, reply, killed = study
    assert len(killed) == 2
    assert {state.state for state in reply.states} == {"enhanced", "left out", "failed"}
    by = {
        state: {s.scan for s in reply.states if s.state == state}
        for state in ("enhanced", "failed", "left out")
    }
    assert by["failed"] == {BROKEN}
    assert by["left out"] == {ISOTROPIC, DWI}
    assert len(by["enhanced"]) == DONE == SCANS - 2
    assert len(made(output)) == DONE
    for path in output.glob("sub-*/**/*.nii.gz"):
        assert record_of(path)["model"] == "cubic", "which compares checksums"
    assert not [path for path in output.rglob("*") if "partial" in path.name]


def test_reasons_are_told(study):
    reasons = {state.scan: state.reason for state in study[2].states}
    assert "cannot be read" in reasons[BROKEN]
    assert "isotropic already (1 x 1 x 1 mm)" in reasons[ISOTROPIC]
    assert "datatype dwi" in reasons[DWI]


def test_the_data_set_itself_is_not_changed(raw, study):
    after = {name: told for name, told in contents(raw).items() if not name.startswith("derivatives")}
    assert after == study[0]


def test_a_result_lies_on_its_scan_and_its_sidecar_says_what_it_is(raw, study):
    name = "sub-05/ses-2/anat/sub-05_ses-2_FLAIR.nii.gz"
    result = study[1] / name.replace("_FLAIR", "_rec-cubic_FLAIR")
    scan, volume = read_volume(raw / name), read_volume(result)
    np.testing.assert_allclose(volume.spacing, 1, atol=1e-5)
    np.testing.assert_allclose(volume.corners, scan.corners, atol=1e-4)
    record = json.loads(result.with_name(result.name.replace(".nii.gz", ".json")).read_text(encoding="utf-8"))
    assert record["Sources"] == [f"bids:raw:{name}"]
    assert record["EchoTime"] == 0.1, "of the sidecar at the data set's root"
    assert record["acquisition_source"] == "read"
    assert record["acquisition_basis"] == "Slices 2.4 mm thick, 3.0 mm apart (read from the BIDS sidecar)."
    assert record["output"]["sha256"] == hashlib.sha256(result.read_bytes()).hexdigest()
    assert "SliceThickness" not in record


def test_a_second_run_does_nothing(raw, study, monkeypatch):
    _, output, _, _ = study
    before = contents(output)

    def never(*_arguments, **_more):
        raise AssertionError("there is nothing to do")

    monkeypatch.setattr(bids, "crew_of", never)
    monkeypatch.setattr(bids_work, "enhance_scan", never)
    request = bids.Request(raw, output, settings=Settings("cubic"), workers=Workers("local", jobs=2))
    reply = bids.run(request)
    assert reply.done_before == DONE
    assert sorted(state.scan for state in reply.states) == sorted([BROKEN, ISOTROPIC, DWI])
    assert reply.failed, "what failed before still counts"
    assert contents(output) == before


def test_a_second_run_loads_nothing_that_takes_long(raw, study):
    code = (
        "import sys\nfrom mrisr.cli import main\n"
        f"code = main(['bids', {str(raw)!r}, {str(study[1])!r}, 'participant', '--model', 'cubic'])\n"
        "print(code, [m for m in ('torch', 'distributed', 'dask', 'SimpleITK', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "2 []", done.stderr
    assert "0 enhanced, 0 fused, 2 left out, 1 failed, 22 done before" in done.stdout


def test_what_failed_is_tried_again_when_the_file_changes_or_on_request(raw, study, tmp_path, monkeypatch):
    output = tmp_path / "out"
    shutil.copytree(study[1], output)
    tried = []

    def note(job, _monitor):
        tried.append(job.image.place)
        return bids_work.Made("x")

    monkeypatch.setattr(bids_work, "enhance_scan", note)

    def run(**more):
        tried.clear()
        settings = more.pop("settings", Settings("cubic"))
        bids.run(bids.Request(raw, output, settings=settings, workers=Workers(jobs=1), **more))
        return list(tried)

    assert run() == []
    assert run(retry=True) == [BROKEN]
    shutil.copytree(study[1] / "logs", output / "logs", dirs_exist_ok=True)
    assert len(run(settings=Settings("linear"))) == DONE + 1, "another model is another wish"
    shutil.copytree(study[1] / "logs", output / "logs", dirs_exist_ok=True)
    assert run(overwrite=True, participants=("02",), sessions=("1",)) == [
        BROKEN,
        BROKEN.replace("FLAIR", "T1w"),
    ]
    shutil.copytree(study[1] / "logs", output / "logs", dirs_exist_ok=True)
    broken = raw / BROKEN
    kept = broken.stat()
    os.utime(broken, ns=(kept.st_atime_ns, kept.st_mtime_ns + 10**9))
    try:
        assert run() == [BROKEN]
    finally:
        os.utime(broken, ns=(kept.st_atime_ns, kept.st_mtime_ns))


@pytest.mark.parametrize(
    ("error", "more", "tries"),
    [
        (FileError, {}, 1),
        (InputError, {}, 1),
        (InputError, {"samples": 2}, 2),
        (WriteError, {}, 2),
        (DeviceError, {}, 2),
        (ConfigError, {}, 2),
        (ZeroDivisionError, {}, 2),
    ],
)
def test_only_what_the_scan_itself_or_the_wish_is_to_blame_for_is_not_tried_again(
    small, tmp_path, monkeypatch, error, more, tries
):
    tried = []

    def fail(job, _monitor):
        tried.append(job.image.place)
        raise error("No.")

    monkeypatch.setattr(bids_work, "enhance_scan", fail)
    for settings in (Settings("cubic"), Settings("cubic", **more)):
        run_alone(small, tmp_path / "out", settings, participants=("01",), suffixes=("T1w",))
    assert len(tried) == tries


def test_a_device_that_is_not_there_is_told_once(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(device, "available", lambda: ["cpu"])
    words = [
        "bids",
        str(small),
        str(tmp_path / "out"),
        "participant",
        "--model",
        "cubic",
        "--device",
        "cuda:1",
    ]
    assert main(words) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("but not cuda:1")) == ("", 1)
    assert list(States(tmp_path / "out").all()) == []


def test_a_models_folder_and_a_suffix_in_small_letters_are_taken(small, tmp_path, capsys):
    words = [
        "bids",
        str(small),
        str(tmp_path / "out"),
        "participant",
        "--participant-label",
        "01",
        "--jobs",
        "1",
    ]
    model = catalog.find("linear").folder
    assert main([*words, "--model", f"{model}/", "--suffix", "flair", "--no-reports"]) == 0
    assert made(tmp_path / "out") == ["sub-01/anat/sub-01_rec-linear_FLAIR.nii.gz"]
    for wrong, told in (("--suffix=", "names no contrast"), ("--scheduler=node7", "must be local or")):
        with pytest.raises(SystemExit):
            main([*words, wrong])
        assert told in capsys.readouterr().err


def test_the_app_says_its_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["bids", "--version"])
    assert (end.value.code, capsys.readouterr().out.strip()) == (0, version())


def test_every_result_is_linked_to_its_own_page_and_to_none_of_an_earlier_result(small, tmp_path):
    output = tmp_path / "out"

    def run(model, **more):
        request = bids.Request(small, output, ("01",), (), ("T1w",), settings=Settings(model), **more)
        bids.run(replace(request, workers=Workers(jobs=1)))
        rows = bids_group.run(bids_group.Request(small, output)).rows
        return [(row.model, row.report) for row in sorted(rows, key=lambda row: row.model) if row.output]

    run("cubic")
    pages = [(name, f"reports/sub-01_rec-{name}_T1w.html") for name in ("cubic", "linear")]
    assert run("linear") == pages
    assert run("cubic", overwrite=True, reports=False) == [("cubic", ""), pages[1]]


@pytest.fixture(scope="module")
def group(raw, study):
    assert main(["bids", str(raw), str(study[1]), "group"]) == 2, "one scan failed"
    return study[1]


def test_the_groups_table_has_the_worst_first(group):
    with (group / bids_group.SCANS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == SCANS + 1
    assert rows[0]["scan"] == BROKEN
    assert {row["scan"] for row in rows[-2:]} == {ISOTROPIC, DWI}
    done = rows[1:-2]
    order = [("red", "amber", "green").index(row["verdict"]) for row in done]
    assert order == sorted(order)
    for color in ("red", "amber", "green"):
        ratios = [float(row["ratio"]) for row in done if row["verdict"] == color]
        assert ratios == sorted(ratios, reverse=True)
    assert list(rows[0])[:3] == ["participant_id", "session_id", "suffix"]
    assert rows[0]["ratio"] == "n/a"
    assert all((group / row["output"]).is_file() and row["model"] == "cubic" for row in done)


def test_the_groups_page_links_to_a_page_on_each_result(group):
    page = (group / bids_group.PAGE).read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', page)
    assert len(set(links)) == DONE
    assert all((group / link).is_file() for link in links)
    assert page.index(BROKEN) < page.index(ISOTROPIC)
    first = re.search(r"<body>\s*<h1>(.*?)</h1>", page)[1]
    told = {word: int(count) for count, word in re.findall(r"(\d+) (green|amber|red|failed|left out)", first)}
    assert told["failed"] == 1
    assert sum(told.values()) == page.count("<tr>") - page.count("<tr><th>")
    for word in told:
        assert f"<b>{word}</b>: {MEANING[word]}" in page, "every color that occurs is explained"
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", ""), "nothing is fetched from elsewhere"


def test_the_validator_accepts_the_results(group):
    validator = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent)) or shutil.which(
        "bids-validator-deno"
    )
    if validator is None:
        pytest.skip("needs bids-validator-deno (pip install bids-validator-deno)")
    done = subprocess.run(
        [validator, str(group), "--format", "json"], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)["issues"]["issues"]
    assert [each for each in found if each["severity"] == "error"] == []
    assert {each["code"] for each in found} <= {"TOO_FEW_AUTHORS"}


def run_alone(source, output, settings=None, **more):
    return bids.run(
        bids.Request(
            source,
            output,
            settings=settings or Settings(AUTO),
            workers=Workers(jobs=1),
            reports=False,
            **more,
        )
    )


@pytest.fixture
def small(tmp_path):
    """Three subjects with T1w and FLAIR, of which one FLAIR has other voxels."""
    root = tmp_path / "small"
    put(root / "dataset_description.json", {"Name": "Small", "BIDSVersion": "1.10.0"})
    for number in (1, 2, 3):
        for suffix in ("T1w", "FLAIR"):
            spacing = (1, 1, 5) if (number, suffix) == (3, "FLAIR") else bids_dataset.THICK
            write_scan(
                root / f"sub-0{number}/anat/sub-0{number}_{suffix}.nii.gz", spacing=spacing, seed=number
            )
    return root


@pytest.fixture
def votes(monkeypatch):
    """What is proposed for each scan, by its name; the scans that were asked."""
    asked = []

    def vote(path, _settings, _monitor):
        asked.append(path.name)
        model = "linear" if "T1w" in path.name and "sub-01" not in path.name else "cubic"
        return bids_work.Chosen(model, f"Because of {path.name}.", (path,))

    monkeypatch.setattr(bids_work, "_vote", vote)
    return asked


def test_a_model_is_chosen_once_for_each_contrast_and_voxel_size(small, votes, tmp_path):
    output = tmp_path / "out"
    run_alone(small, output, participants=("01",))
    assert votes == ["sub-01_FLAIR.nii.gz", "sub-01_T1w.nii.gz"]
    run_alone(small, output)
    assert votes[2:] == ["sub-03_FLAIR.nii.gz"], "only its voxels are new"
    chosen = {(c.suffix, c.voxels): c.model for c in Choices(output).all()}
    assert chosen == {("FLAIR", "1x1x3"): "cubic", ("T1w", "1x1x3"): "cubic", ("FLAIR", "1x1x5"): "cubic"}
    assert all("_rec-cubic_" in place for place in made(output))
    assert len(made(output)) == 6
    reply = bids_group.run(bids_group.Request(small, output))
    assert "Models that were chosen" in reply.output.read_text(encoding="utf-8")
    lines = (output / bids_group.MODELS).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert "FLAIR\t1x1x5\tcubic" in lines[2]


def test_most_scans_decide_together(small, votes, tmp_path):
    run_alone(small, tmp_path / "out", suffixes=("T1w",))
    assert votes == [f"sub-0{n}_T1w.nii.gz" for n in (1, 2, 3)]
    assert {place.partition("_rec-")[2] for place in made(tmp_path / "out")} == {"linear_T1w.nii.gz"}
    choice = next(Choices(tmp_path / "out").all())
    assert choice.reason == "Because of sub-02_T1w.nii.gz."
    assert len(choice.scans) == 3


def test_each_scan_gets_its_own_model_on_request_and_once(small, votes, tmp_path):
    output = tmp_path / "out"
    run_alone(small, output, suffixes=("T1w",), per_scan=True)
    names = ["sub-01_rec-cubic_T1w", "sub-02_rec-linear_T1w", "sub-03_rec-linear_T1w"]
    assert [Path(place).name for place in made(output)] == [f"{name}.nii.gz" for name in names]
    votes.clear()
    assert run_alone(small, output, suffixes=("T1w",), per_scan=True).done_before == 3
    assert votes == []


def test_auto_chooses_by_itself_and_the_reason_is_kept(small, tmp_path):
    shutil.rmtree(small / "sub-03")
    reply = run_alone(small, tmp_path / "out", Settings(AUTO, device="cpu"), suffixes=("FLAIR",))
    assert [state.state for state in reply.states if state.state != "left out"] == ["enhanced"] * 2
    choice = next(Choices(tmp_path / "out").all())
    assert choice.reason
    label = re.sub(r"[^a-zA-Z0-9]", "", choice.model)
    assert all(f"_rec-{label}_FLAIR" in place for place in made(tmp_path / "out"))


def test_other_modalities_are_left_out_and_finer_voxels_are_made_on_request(small, tmp_path):
    put(small / "sub-01/sub-01_T1w.json", {"Modality": "CT"})
    write_scan(small / "sub-02/anat/sub-02_T1w.nii.gz", shape=(12, 12, 12), spacing=(1, 1, 1))
    reply = run_alone(small, tmp_path / "out", Settings("cubic"), suffixes=("T1w",))
    reasons = {
        Path(state.scan).name: state.reason for state in reply.states if state.scan.endswith("T1w.nii.gz")
    }
    assert "modality CT, not MR" in reasons["sub-01_T1w.nii.gz"]
    assert "isotropic already" in reasons["sub-02_T1w.nii.gz"]
    assert main([
        "bids", str(small), str(tmp_path / "fine"), "participant", "--model", "cubic", "--suffix", "T1w", "--jobs", "1",
        "--spacing", "0.5", "--participant-label", "02", "--no-reports", "--progress", "off", "--residual",
    ]) == 0  # fmt: skip
    assert [Path(place).name for place in made(tmp_path / "fine")] == [
        "sub-02_rec-cubic_T1w.nii.gz",
        "sub-02_rec-cubic_desc-residual_T1w.nii.gz",
    ]
    result, residual = (read_volume(tmp_path / "fine" / place) for place in made(tmp_path / "fine"))
    assert (result.shape, residual.shape) == ((24, 24, 24), (12, 12, 12))
    again = run_alone(
        small, tmp_path / "same", Settings("cubic", target=bids.Target.spacing(1)), participants=("02",)
    )
    assert {"as fine as asked for" in state.reason for state in again.states if "T1w" in state.scan} == {True}


@pytest.fixture
def stacks(tmp_path):
    """A session with three orthogonal stacks of one head, and another one with two that are parallel."""
    root = tmp_path / "stacks"
    put(root / "dataset_description.json", {"Name": "Stacks", "BIDSVersion": "1.10.0"})
    for label, shape, spacing in (
        ("tra", (24, 24, 8), (1, 1, 3)),
        ("cor", (24, 8, 24), (1, 3, 1)),
        ("sag", (8, 24, 24), (3, 1, 1)),
    ):
        write_scan(
            root / f"sub-01/ses-1/anat/sub-01_ses-1_acq-{label}_run-1_T2w.nii.gz",
            shape=shape,
            spacing=spacing,
        )
    for run in (1, 2):
        write_scan(root / f"sub-01/ses-2/anat/sub-01_ses-2_run-{run}_T2w.nii.gz", seed=run)
    return root


def test_stacks_of_a_session_become_one_volume_on_request(stacks, tmp_path, monkeypatch):
    given = []

    def fuse(request, _monitor, *, told):
        given.append((request, told))
        write_scan(request.output, shape=(24, 24, 24), spacing=(1, 1, 1))

    monkeypatch.setattr(bids_work.fusion, "run", fuse)
    reply = run_alone(stacks, tmp_path / "out", Settings("cubic"), fuse=True)
    assert made(tmp_path / "out") == [
        "sub-01/ses-1/anat/sub-01_ses-1_rec-fused_run-1_T2w.nii.gz",
        *[f"sub-01/ses-2/anat/sub-01_ses-2_rec-cubic_run-{run}_T2w.nii.gz" for run in (1, 2)],
    ]
    ((request, told),) = given
    assert [path.name.split("_")[2] for path in request.inputs] == ["acq-cor", "acq-sag", "acq-tra"]
    assert len(told["Sources"]) == 3
    assert sorted(state.state for state in reply.states) == ["enhanced"] * 2 + ["fused"] * 3
    again = run_alone(stacks, tmp_path / "out", Settings("cubic"), fuse=True)
    assert (again.states, again.done_before) == ((), 5)
    assert len(given) == 1


def test_without_the_request_each_stack_is_enhanced_and_fusing_is_offered(stacks, tmp_path, capsys):
    command = [
        "bids",
        str(stacks),
        str(tmp_path / "out"),
        "participant",
        "--model",
        "cubic",
        "--jobs",
        "1",
        "--no-reports",
    ]
    assert main(command) == 0
    assert len(made(tmp_path / "out")) == 5
    assert "1 session has several stacks of one contrast" in capsys.readouterr().err


def test_a_fusion_that_fails_is_told_of_every_stack(stacks, tmp_path):
    for path in (stacks / "sub-01/ses-1/anat").glob("*acq-cor*"):
        path.write_bytes(path.read_bytes()[:-200])
    reply = run_alone(stacks, tmp_path / "out", Settings("cubic"), fuse=True, sessions=("1",))
    assert [state.state for state in reply.states] == ["failed"] * 3
    assert made(tmp_path / "out") == []
    assert {States(tmp_path / "out").read(i).kind for i in bids_images(stacks)} == {"FileError"}


def bids_images(root):
    from mrisr.bids.dataset import find_images

    return find_images(root, ["01"], ["1"])


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_ctrl_c_ends_all_and_the_next_run_goes_on(raw, tmp_path):
    """To the whole process group, as a terminal sends it."""
    pytest.importorskip("distributed", reason="needs the extra cluster")
    output = tmp_path / "out"
    words = [
        "bids",
        raw,
        output,
        "participant",
        "--model",
        "cubic",
        "--jobs",
        "1",
        "--scheduler",
        "local",
        "--no-reports",
    ]
    command = [sys.executable, "-m", "mrisr", *map(str, words)]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while "enhanced" not in child.stdout.readline():
        assert child.poll() is None
    family = psutil.Process(child.pid).children(recursive=True)
    assert family
    os.killpg(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=120)
    assert child.returncode == 130, errors
    assert "Traceback" not in errors
    assert "the same command goes on" in errors
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert 0 < len(made(output)) < DONE
    for path in output.glob("sub-*/**/*.nii.gz"):
        record_of(path)
    reply = run_alone(raw, output, Settings("cubic"))
    assert len(made(output)) == DONE
    assert reply.done_before + sum(state.state == "enhanced" for state in reply.states) == DONE
    assert not [path for path in output.rglob("*") if "partial" in path.name]
