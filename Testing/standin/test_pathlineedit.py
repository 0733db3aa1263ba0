"""What a path field tells, and which dialog it opens, read in ctkPathLineEdit.cpp and ctkUtils.cpp."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def field(host):
    """A path field, and what it tells."""
    import ctk

    widget, told = ctk.ctkPathLineEdit(), []
    widget.currentPathChanged.connect(told.append)
    widget.validInputChanged.connect(told.append)
    return widget, told


def testAPathIsToldOnlyIfTheFieldAcceptsIt(field):
    """D8. Without name filters everything is accepted but nothing, what does not exist included."""
    widget, told = field
    for text in ("/no/such/file", "", "x", "x"):
        widget.currentPath = text
    assert told == ["/no/such/file", True, False, "x", True]
    widget.currentPath = ""
    assert (widget.currentPath, told[-1]) == ("", False), "nobody is told of the empty path, which is the path nevertheless"


@pytest.mark.parametrize(("filters", "text", "accepted"), [
    ("Web page (*.html)", "report.html", True), ("Web page (*.html)", "report", False), ("Web page (*.html)", "report.txt", False),
    ("Web page (*.html)", "report.htm", True), ("Web page (*.html)", "report.HTML", False), ("Web page (*.html)", "a.html.part", False),
    ("Scans (*.nrrd *.nii.gz)", "scan.nrrd", True), ("Scans (*.nrrd *.nii.gz)", "scan.nii.gz", False), ("All files (*)", "x", True),
])
def testANameMustEndAsTheNameFiltersSay(field, filters, text, accepted):
    """As ctkUtils.cpp makes a regular expression of them."""
    widget, told = field
    widget.nameFilters = [filters]
    widget.currentPath = text
    assert told == ([text, True] if accepted else [])


@pytest.mark.parametrize(("flags", "dialog"), [
    ("ctkPathLineEdit::Files|ctkPathLineEdit::Writable", "getSaveFileName"), ("ctkPathLineEdit::Files", "getOpenFileName"),
    ("ctkPathLineEdit::Dirs", "getExistingDirectory"), ("ctkPathLineEdit::Dirs|ctkPathLineEdit::Writable", "getExistingDirectory"),
])
def testTheFlagsOfAFormSayWhichDialogOpens(host, tmp_path, monkeypatch, flags, dialog):
    from slicerhost import pathlineedit

    opened = []
    dialogs = {"getSaveFileName": ("chosen", ""), "getOpenFileName": ("chosen", ""), "getExistingDirectory": "chosen"}
    stub = {name: lambda *_, name=name: opened.append(name) or dialogs[name] for name in dialogs}
    monkeypatch.setattr(pathlineedit, "QFileDialog", SimpleNamespace(**stub))
    flags = f'<property name="filters"><set>{flags}</set></property>'
    widget = loaded(tmp_path, f'<widget class="ctkPathLineEdit" name="path">{flags}</widget>')
    widget.path.browse()
    assert (opened, widget.path.currentPath) == ([dialog], "chosen")


def testAFormWithAnUnknownFlagIsRefused(host, tmp_path):
    flags = '<property name="filters"><set>ctkPathLineEdit::Folders</set></property>'
    with pytest.raises(RuntimeError, match="Folders"):
        loaded(tmp_path, f'<widget class="ctkPathLineEdit" name="path">{flags}</widget>')


def loaded(folder, widgets: str):
    """A form with these widgets: its variables."""
    import slicer

    path = folder / "form.ui"
    path.write_text(f'<ui version="4.0"><class>F</class><widget class="qMRMLWidget" name="F">{widgets}</widget></ui>', encoding="utf-8")
    form = slicer.util.loadUI(str(path))
    variables = slicer.util.childWidgetVariables(form)
    variables.form = form
    return variables
