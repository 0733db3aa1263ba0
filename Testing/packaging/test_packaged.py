"""A package for Slicer holds what the module's `CMakeLists.txt` names, and nothing else."""

import shutil

import pytest

import packaged


@pytest.fixture
def tree(tmp_path):
    """What is packaged, as the Extensions Index's script lays it."""
    base = tmp_path / "tree" / "1-linux-Thing" / "lib" / "Slicer-5.10" / "qt-scripted-modules"
    text = (packaged.MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    for name in packaged.listed(text):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("")
    (base / "mrisr" / "cli.pyc").write_text("")
    (base.parents[1] / "Thing.s4ext").write_text("")
    return tmp_path / "tree"


@pytest.fixture
def packages(tmp_path):
    (tmp_path / "packages").mkdir()
    return tmp_path / "packages"


@pytest.mark.parametrize("kind", ["gztar", "zip"])
def test_a_whole_package_is_well(tree, packages, kind, capsys):
    shutil.make_archive(packages / "thing", kind, tree)
    assert packaged.main(packages) == 0, capsys.readouterr().out


def test_what_is_missing_and_what_is_too_much_is_named(tree, packages, capsys):
    base = next(tree.rglob("qt-scripted-modules"))
    (base / "MRISuperResolution.py").unlink()
    (base / "notes.txt").write_text("")
    shutil.make_archive(packages / "thing", "gztar", tree)
    assert packaged.main(packages) == 1
    told = capsys.readouterr().out
    assert "missing: MRISuperResolution.py" in told
    assert "not listed: notes.txt" in told


def test_a_folder_without_a_package_is_not_well(packages):
    assert packaged.main(packages) == 1
