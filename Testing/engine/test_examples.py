"""The examples, each run as it stands; and they say what they promise."""

import json
import runpy
import sys

import pytest

from documents import ROOT

EXAMPLES = ROOT / "examples"

SAID = {
    "enhance_one_scan": ["(48, 48, 48)", "trained for this", "Agrees with your scan"],
    "judge_a_result": ["green: Agrees with your scan.", "With a spot painted in, red"],
    "measure_a_model": ["edsr3d-thick", "cubic", "back-projection"],
    "fuse_three_stacks": ["sagittal: turned by", "three scans, fused"],
    "enhance_a_data_set": ["sub-02_rec-gradientfiltersthick_T1w.nii.gz", "group_scans.html"],
}
"""Part of what each prints."""


@pytest.fixture(autouse=True)
def there(tmp_path, monkeypatch, one_thread):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    monkeypatch.setattr(sys, "argv", ["example"])
    yield
    sys.modules.pop("sample", None)


def test_all_examples_are_run_here_and_named_on_their_page():
    scripts = {path.stem for path in EXAMPLES.glob("*.py")} - {"sample"}
    assert scripts == set(SAID)
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    names = [
        path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".ipynb") and path.stem != "sample"
    ]
    assert [name for name in names if f"[{name}]({name})" not in page] == []


@pytest.mark.parametrize("name", SAID)
def test_an_example_runs_and_says_what_it_promises(name, capsys):
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert [part for part in SAID[name] if part not in printed] == [], printed


def test_the_notebook_runs_from_top_to_bottom(capsys):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    notebook = json.loads((EXAMPLES / "before_and_after.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] for cell in cells), "outputs are not kept in the repository"
    names = {"__name__": "__main__"}
    for cell in cells:
        exec(compile("".join(cell["source"]), "before_and_after.ipynb", "exec"), names)
    assert len(plt.get_fignums()) >= 2
    names["figure"].savefig("look.png", dpi=80)
    plt.close("all")
    printed = capsys.readouterr().out
    assert "edsr3d-thick: " in printed
    assert names["results"]["edsr3d-thick"].volume.shape == names["truth"].shape
