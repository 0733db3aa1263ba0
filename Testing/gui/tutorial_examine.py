"""Pictures of the Examine section, and of stacks that are combined: models tried, a result against others, the profile, the report."""

import tempfile
from pathlib import Path

import numpy as np

MODELS = ("gradient-filters-thick", "edsr3d-thick")
PREFIX = "tutorial-"
REPORT = Path(tempfile.gettempdir()) / "study" / "report.html"
MARGIN = 6


def follow(panel, models=MODELS) -> list[Path]:
    """Try models on a thick-slice head, use the best one's result, and look at it in every way; the pictures, in order."""
    first = len(panel.saved)
    scan, reference = _scan(), _reference()
    panel.choose(scan, models[0])
    for name in ("examineSection", "trialSection"):
        getattr(panel.ui, name).collapsed = False
    _try(panel, models)
    _enhance(panel, scan)
    _compare(panel, reference)
    _plot(panel)
    _report(panel)
    stack = _stack("T1w coronal", axis=1)
    _check(panel, stack)
    _combine(panel, [scan, stack])
    return panel.saved[first:]


def _try(panel, models) -> None:
    import qt

    for row, card in enumerate(panel.parent.widget.panel._examine._trial._cards):
        panel.ui.trialModelList.item(row).setCheckState(
            qt.Qt.Checked if card.name in models else qt.Qt.Unchecked
        )
    panel.click("trialButton")
    panel.finish()
    _shot(panel, "12-try")
    panel.click("useBestButton")
    panel.ui.trialSection.collapsed = True


def _enhance(panel, scan) -> None:
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    assert panel.parameters.examinedScan is scan


def _compare(panel, reference) -> None:
    panel.ui.referenceSection.collapsed = False
    panel.ui.referenceSelector.setCurrentNode(reference)
    panel.events()
    panel.click("referenceButton")
    panel.finish()
    panel.click("errorOverlayCheckBox")
    _shot(panel, "13-reference")
    panel.click("errorOverlayCheckBox")
    panel.ui.referenceSection.collapsed = True


def _plot(panel) -> None:
    import slicer

    panel.ui.profileSection.collapsed = False
    line = panel.ui.profileLineSelector.addNode()
    slicer.util.updateMarkupsControlPointsFromArray(line, np.array([[-20.0, -30, -45], [-20, -30, 70]]))
    panel.events()
    panel.click("profileButton")
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, -20, -30, 10)
    _shot(panel, "14-profile")
    panel.click("profileBackButton")
    line.GetDisplayNode().SetVisibility(False)
    panel.ui.profileSection.collapsed = True


def _report(panel) -> None:
    REPORT.parent.mkdir(exist_ok=True)
    panel.ui.reportSection.collapsed = False
    panel.ui.reportPath.currentPath = str(REPORT)
    panel.click("reportButton")
    panel.finish()
    assert REPORT.is_file()
    _shot(panel, "15-report")
    panel.ui.reportSection.collapsed = True


def _check(panel, stack) -> None:
    """With a stack of the same head that was cut across it, in the same session."""
    panel.ui.witnessSection.collapsed = False
    panel.ui.witnessSelector.setCurrentNode(stack)
    panel.events()
    panel.click("witnessButton")
    panel.finish()
    panel.click("witnessOverlayCheckBox")
    _shot(panel, "16-check-with-stack")
    panel.click("witnessOverlayCheckBox")
    panel.ui.witnessSection.collapsed = True


def _combine(panel, stacks) -> None:
    """The same two stacks as one volume."""
    import qt

    panel.ui.examineSection.collapsed = True
    panel.ui.fuseSection.collapsed = False
    for node in stacks:
        panel.ui.fuseSelector.setCheckState(node, qt.Qt.Checked)
    panel.events()
    panel.click("fuseButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    _shot(panel, "17-combine-stacks", "compare", "trust")
    panel.ui.fuseSection.collapsed = True


def _head() -> tuple[np.ndarray, np.ndarray]:
    """The MNI152 head at 2 mm, which keeps the registration short; (i, j, k) and affine."""
    from nilearn import datasets

    template = datasets.load_mni152_template(resolution=2)
    array = np.asarray(template.dataobj, dtype=np.float32) * 1000
    box = [(max(0, int(where.min()) - MARGIN), int(where.max()) + MARGIN) for where in np.nonzero(array > 50)]
    affine = np.array(template.affine)
    affine[:3, 3] += affine[:3, :3] @ [low for low, _ in box]
    return array[tuple(slice(low, high) for low, high in box)], affine


def _stack(name: str, axis: int):
    """The head in slices four times thicker, with the noise of a scan."""
    from mrisr.image.volume import Volume
    from mrisr.jobs.simulation import simulate

    low = simulate(Volume(*_head()), "thick4", axis=axis)
    array = np.abs(low.array + 12 * np.random.default_rng(axis).standard_normal(low.shape, dtype=np.float32))
    return _added(array, low.affine, name)


def _scan():
    """Its axial stack, shown."""
    import slicer

    node = _stack("T1w axial", axis=2)
    slicer.util.setSliceViewerLayers(background=node, foreground=None, fit=True)
    slicer.app.layoutManager().resetSliceViews()
    return node


def _reference():
    """The head as it is, turned and shifted a little: another session."""
    from scipy import ndimage

    array, affine = _head()
    angle = np.deg2rad(3)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    center = (np.array(array.shape) - 1) / 2
    moved = ndimage.affine_transform(array, turn, center - turn @ center + (2, -1, 1.5), order=3)
    return _added(np.clip(moved, 0, None), affine, "T1w 2 mm, other session")


def _added(array: np.ndarray, affine: np.ndarray, name: str):
    import slicer

    node = slicer.util.addVolumeFromArray(array.transpose(2, 1, 0), ijkToRAS=affine, name=name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevel(1000, 480)
    return node


def _shot(panel, name: str, *folded: str) -> None:
    """The sections above are folded away, all or those that are named, so that the picture shows what it is about."""
    above = [
        getattr(panel.ui, f"{section}Section")
        for section in folded or ("input", "model", "target", "output", "compare", "trust")
        if hasattr(panel.ui, f"{section}Section")
    ]
    states = [section.collapsed for section in above]
    for section in above:
        section.collapsed = True
    for _ in range(5):
        panel.events()  # a change of height travels from section to section
    panel.shot(PREFIX + name)
    for section, collapsed in zip(above, states, strict=True):
        section.collapsed = collapsed
