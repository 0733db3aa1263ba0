"""The list of models, the time they take, and the packages that networks need."""

import importlib.metadata
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from gui.scans import head

CARD = {
    "name": "sharp",
    "title": "Sharp network",
    "family": "edsr3d",
    "version": "1.2",
    "license": "MIT",
    "purpose": "Thick T1w slices of the head.",
    "initial": "cubic",
    "weights": {"sha256": "0" * 64},
    "trained_for": [{"refined_axes": [1], "factor": [2, 6]}],
    "contrasts": ["T1w"],
    "protocols": ["thick4"],
    "limits": ["Not for tumors."],
    "quality": [
        {
            "protocol": "thick4",
            "scans": "headline",
            "count": 4,
            "psnr_mask": [33.1, 1],
            "psnr_mask_cubic": [31.3, 1],
            "ssim_mask": [0.95, 0.01],
            "ssim_mask_cubic": [0.9, 0.01],
        }
    ],
    "speed": {
        "cpu-fp32": {"seconds_per_megavoxel": 200.0, "peak_memory_mb_per_megavoxel": 900.0, "machine": "test"}
    },
}


@pytest.fixture
def network(host, tmp_path, monkeypatch):
    """A catalog with a network beside the interpolations; it cannot be run."""
    folder = tmp_path / "models" / "sharp"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps(CARD))
    monkeypatch.setenv("MRISR_MODELS", str(folder.parent))
    return folder


@pytest.fixture
def panelWithNetwork(network, panel):
    import qt

    qt.QSettings().remove("MRISuperResolution")
    panel.choose(head())
    return panel


def row(panel, title: str) -> list[str]:
    tree = panel.ui.modelTree
    items = [tree.topLevelItem(index) for index in range(tree.topLevelItemCount)]
    return next([item.text(column) for column in range(3)] for item in items if item.text(0) == title)


def titles(panel) -> list[str]:
    tree = panel.ui.modelTree
    return [tree.topLevelItem(index).text(0) for index in range(tree.topLevelItemCount)]


def testListShowsGainAndTimeOfWhatSuitsTheScan(panelWithNetwork):
    assert row(panelWithNetwork, "Sharp network") == ["Sharp network", "19 %", "19 s"]
    assert row(panelWithNetwork, "Interpolation – linear")[1] == "baseline"


def testTheBestModelThatSuitsStandsFirstAndTheOthersComeGrayOnlyWhenAskedFor(panel):
    panel.ui.inputSelector.setCurrentNode(head())
    assert titles(panel)[:4] == [
        "Thick slices – best",
        "Thick slices – fast",
        "Thick slices – best, on a GPU",
        "Interpolation – back-projection",
    ]
    assert not any(title.startswith("Finer voxels") for title in titles(panel))
    panel.ui.showAllCheckBox.checked = True
    assert titles(panel)[:4] == [
        "Thick slices – best",
        "Thick slices – fast",
        "Thick slices – best, on a GPU",
        "Interpolation – back-projection",
    ]
    assert row(panel, "Finer voxels – best")[1:] == ["", ""]
    tree, names = panel.ui.modelTree, titles(panel)
    colors = [
        tree.topLevelItem(names.index(name)).foreground(0).color().name()
        for name in ("Thick slices – best", "Finer voxels – best")
    ]
    assert colors[0] != colors[1]


def testWithoutAScanNothingIsProposedAndEveryModelIsListedWithoutFigures(panel):
    assert (panel.parameters.model, panel.parameters.proposedModel) == ("", "")
    assert len(titles(panel)) == len(panel.parent.widget.panel._store.cards)
    assert {tuple(row(panel, title)[1:]) for title in titles(panel)} == {("", "")}
    assert "Choose an input volume" in panel.status


def testTheProposalFollowsScanAndTargetUntilTheUserPicksAModel(panel):
    panel.ui.inputSelector.setCurrentNode(head())
    assert panel.parameters.model == "edsr3d-thick"
    assert "trained for this" in panel.ui.modelInfoLabel.text
    cube = head("Cube", shape=(24, 28, 20), spacing=(2.0, 2.0, 2.0))
    panel.ui.inputSelector.setCurrentNode(cube)
    assert panel.parameters.model == "edsr3d-iso2"
    for axis in range(3):
        getattr(panel.ui, f"factorSpinBox{axis}").value = 1.6
    assert panel.parameters.model == "cubic", (
        "the filters are no nearer than it where nobody says how it was made"
    )
    assert "iso2-kspace" in panel.ui.modelInfoLabel.text
    panel.pick("linear")
    for axis in range(3):
        getattr(panel.ui, f"factorSpinBox{axis}").value = 2
    assert panel.parameters.model == "linear", "a picked model stays"
    panel.ui.inputSelector.setCurrentNode(slicer_node("T1w"))
    assert panel.parameters.model == "linear"
    panel.pick("edsr3d-thick")
    panel.ui.inputSelector.setCurrentNode(cube)
    assert panel.parameters.model == "edsr3d-iso2", "who picks what is proposed goes on with the proposals"


def testMoreSamplesTakeLongerButChangeNoProposal(panel):
    from MRISuperResolutionLib.System import Machine

    Machine.remember("edsr3d-thick", "auto", "cpu", seconds=100 / 0.097, megavoxels=1)
    try:
        panel.ui.inputSelector.setCurrentNode(head())
        once = row(panel, "Thick slices – best")[2]
        panel.ui.samplesSpinBox.value = 8
        assert panel.parameters.model == "edsr3d-thick"
        assert (once, row(panel, "Thick slices – best")[2]) == ("100 s", "13 min")
    finally:
        import qt

        qt.QSettings().remove("MRISuperResolution")


def slicer_node(name: str):
    import slicer

    return slicer.util.getNode(name)


def testTrainedModelWithAGainIsProposedFirst(network, panel):
    store = panel.parent.widget.panel._store
    store.reload()
    store.cards = [card for card in store.cards if card.sha256 is None or card.name == "sharp"]
    panel.ui.inputSelector.setCurrentNode(head())
    assert panel.parameters.model == "sharp"


def testScanOutsideTheTrainingIsGrayAndExplained(panelWithNetwork):
    panelWithNetwork.pick("sharp")
    panelWithNetwork.ui.targetModeComboBox.currentText = "Refine by a factor"
    assert row(panelWithNetwork, "Sharp network")[1:] == ["", ""]
    assert "was trained for one axis by 2 to 6" in panelWithNetwork.ui.modelInfoLabel.text
    assert panelWithNetwork.ui.applyButton.enabled


def testCardIsShownWhole(panelWithNetwork):
    panelWithNetwork.pick("sharp")
    panelWithNetwork.click("modelCardButton")
    text = panelWithNetwork.ui.modelCardBrowser.plainText
    for words in ("Sharp network", "Not for tumors.", "T1w", "MIT", "thick4"):
        assert words in text
    assert panelWithNetwork.ui.modelCardBrowser.isVisibleTo(panelWithNetwork.parent)
    panelWithNetwork.shot("22-model-card")
    panelWithNetwork.click("modelCardButton")
    assert not panelWithNetwork.ui.modelCardBrowser.isVisibleTo(panelWithNetwork.parent)


def testTimeMeasuredHereReplacesTheCards(panelWithNetwork):
    from MRISuperResolutionLib.System import Machine

    Machine.remember("sharp", "auto", "cpu", seconds=50, megavoxels=0.1)
    panelWithNetwork.parameters.parameterNode.Modified()
    assert row(panelWithNetwork, "Sharp network")[2] == "19 s", (
        "a small run says more of Python's start than of the model"
    )
    Machine.remember("sharp", "auto", "cpu", seconds=10, megavoxels=1)
    panelWithNetwork.parameters.parameterNode.Modified()
    assert row(panelWithNetwork, "Sharp network")[2] == "under 1 s"


def testANetworkTakesAnUnknownTimeUntilAWorkerHasProbedTheComputer(network, panel):
    import qt

    from MRISuperResolutionLib.Jobs.Job import Job
    from MRISuperResolutionLib.System import Machine

    counted = {**CARD, "work_per_voxel": {"multiply_adds": 50_000, "values": 100}}
    (network / "card.json").write_text(json.dumps(counted))
    panel.parent.widget.panel._store.reload()
    qt.QSettings().remove("MRISuperResolution")
    panel.choose(head())
    assert row(panel, "Sharp network")[2] == "unknown", "the card's 200 s are another computer's"
    told = {"event": "machine", "device": "cpu", "precision": "fp32", "automatic": "fp32"}
    job = Job()
    try:
        assert "0.5 billion" in job.note({**told, "multiply_adds": 0.5e9, "winograd": 0.5e9, "values": 1e8})
        panel.parameters.parameterNode.Modified()
        assert row(panel, "Sharp network")[2] == "24 s"
        job.note(
            {
                **told,
                "precision": "bf16",
                "automatic": "bf16",
                "multiply_adds": 2e9,
                "winograd": 2e9,
                "values": 4e8,
            }
        )
        panel.parameters.parameterNode.Modified()
        assert row(panel, "Sharp network")[2] == "6 s", "what is automatic is faster"
        Machine.remember("sharp", "auto", "cpu", seconds=10, megavoxels=1)
        panel.parameters.parameterNode.Modified()
        assert row(panel, "Sharp network")[2] == "under 1 s", "what the model itself has taken counts most"
    finally:
        job.close()
        qt.QSettings().remove("MRISuperResolution")


def testMemoryOfTheCardCounts(panelWithNetwork):
    panelWithNetwork.pick("sharp")
    assert "87 MB" in panelWithNetwork.ui.targetInfoLabel.text


def testBrokenCardIsExplainedInsteadOfBreakingTheModule(network, panel):
    (network / "card.json").write_text("{")
    store = panel.parent.widget.panel._store
    store.reload()
    panel.choose(head())
    assert "card.json" in store.problem


@pytest.fixture
def without(monkeypatch):
    """Dependencies on a computer that lacks some packages."""
    from MRISuperResolutionLib.System import Dependencies

    lacking: set[str] = set()
    monkeypatch.setattr(Dependencies, "isInstalled", lambda name: name not in lacking)
    return lacking


@pytest.fixture
def pyTorchUtils(monkeypatch):
    """The PyTorch extension; its ``install`` can be set."""
    module = ModuleType("PyTorchUtils")
    module.install = lambda: None
    module.PyTorchUtilsLogic = lambda: SimpleNamespace(installTorch=lambda **_: module.install())
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
    return module


def applyNetwork(panel) -> str:
    panel.pick("sharp")
    panel.click("applyButton")
    assert not panel.core.running
    assert panel.temporaryFiles == []
    assert panel.ui.applyButton.isVisibleTo(panel.parent)
    return panel.status


def testInterpolationNeedsNoPackage(panelWithNetwork, without):
    without.update({"torch", "safetensors", "nibabel"})
    panelWithNetwork.pick("cubic")
    panelWithNetwork.click("applyButton")
    panelWithNetwork.finish()
    assert panelWithNetwork.status.startswith("Done")


def testMissingExtensionIsExplained(panelWithNetwork, without):
    without.add("torch")
    assert "needs the PyTorch extension" in applyNetwork(panelWithNetwork)
    panelWithNetwork.shot("23-needs-pytorch")


@pytest.fixture
def pip(monkeypatch, without):
    """Slicer 5.12's installer, which the user lets go on: the command lines of pip, with their constraints written out."""
    import slicer

    def pip_ensure(
        requirements,
        constraints=None,
        skip_packages=None,
        prompt_install=True,
        prompt_restart=True,
        requester=None,
    ):
        commands.append(([*map(str, requirements)], Path(constraints).read_text().split(), requester))
        without.clear()

    commands = []
    monkeypatch.setattr(slicer.packaging, "pip_ensure", pip_ensure)
    return commands


@pytest.fixture
def oldTorch(tmp_path, monkeypatch):
    """A PyTorch that was installed long ago: what its distribution says of itself comes first on the path."""
    info = tmp_path / "old" / "torch-2.6.0+cu124.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.6.0+cu124\n")
    monkeypatch.syspath_prepend(str(info.parent))
    return info


def testDeclinedInstallationIsExplained(panelWithNetwork, without, pyTorchUtils):
    without.add("torch")
    assert "cannot run without torch" in applyNetwork(panelWithNetwork)


def testDeclinedPyTorchIsNotBroughtInByPip(panelWithNetwork, without, pyTorchUtils, pip):
    without.update({"torch", "safetensors"})
    assert "cannot run without torch>=2.8. Start it again to install" in applyNetwork(panelWithNetwork)
    assert pip == []


def testPyTorchThatIsTooOldIsLeftToThePyTorchExtension(
    panelWithNetwork, without, pyTorchUtils, pip, oldTorch
):
    without.add("safetensors")
    assert "cannot run without torch>=2.8" in applyNetwork(panelWithNetwork)
    assert pip == []
    from MRISuperResolutionLib.System.Dependencies import NETWORK, Dependencies

    pyTorchUtils.install = lambda: (
        oldTorch.rename(oldTorch.with_name("torch-2.9.1+cu128.dist-info"))
        and (oldTorch.with_name("torch-2.9.1+cu128.dist-info") / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: torch\nVersion: 2.9.1+cu128\n"
        )
    )
    Dependencies().ensure(NETWORK)
    assert [constraints[0] for _, constraints, _ in pip] == ["torch==2.9.1+cu128"]


def testPyTorchThatWasInstalledInPartIsMissing(panelWithNetwork, without, oldTorch):
    (oldTorch / "METADATA").write_text("")
    from MRISuperResolutionLib.System.Dependencies import NETWORK, Dependencies

    assert Dependencies().missing(NETWORK) == ["torch"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("[WinError 206] The filename or extension is too long"), "short folder"),
        (TypeError("'NoneType' object is not subscriptable"), "not completed"),
        (OSError(28, "No space left on device"), "disk is too full"),
        (RuntimeError("HTTP 403"), "HTTP 403"),
    ],
)
def testKnownFailuresOfPyTorchAreExplained(panelWithNetwork, without, pyTorchUtils, error, words):
    def fail():
        raise error

    without.add("torch")
    pyTorchUtils.install = fail
    assert words in applyNetwork(panelWithNetwork)


def testOtherPackagesComeThroughSlicersInstallerWithConsentAndLeavePyTorchAlone(
    panelWithNetwork, without, pip
):
    without.add("safetensors")
    from MRISuperResolutionLib.System.Dependencies import NETWORK, Dependencies

    Dependencies().ensure(NETWORK)
    assert pip == [(["safetensors>=0.4"], kept(), "MRI Super-Resolution")]
    assert panelWithNetwork.temporaryFiles == []


@pytest.mark.parametrize("consent", [True, False])
def testSlicer510AsksBeforePip(host, panelWithNetwork, without, monkeypatch, request, consent):
    import slicer

    host.become("5.10")
    request.addfinalizer(lambda: host.become("5.12"))

    from MRISuperResolutionLib.System.Dependencies import NETWORK, Dependencies, DependencyError

    installed = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text: consent)

    def pip_install(arguments):
        installed.extend([*arguments[:-1], *Path(arguments[-1]).read_text().split()])
        without.clear()

    monkeypatch.setattr(slicer.util, "pip_install", pip_install)
    without.add("safetensors")
    if consent:
        Dependencies().ensure(NETWORK)
    else:
        with pytest.raises(DependencyError, match="safetensors"):
            Dependencies().ensure(NETWORK)
    assert installed == (["safetensors>=0.4", "--constraint", *kept()] if consent else [])


def kept() -> list[str]:
    """What pip must leave alone: what Slicer ships and what the PyTorch extension has chosen, as far as it is here."""
    names = ("torch", "numpy", "scipy", "SimpleITK", "pydicom", "pillow", "requests")
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]
