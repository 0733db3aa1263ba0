"""The sections of the panel are all alike: each shows the one state, and the widget goes through them."""

import ast
import inspect
from dataclasses import FrozenInstanceError, fields
from importlib import import_module
from pathlib import Path

import pytest

from gui.scans import head

LIBRARY = Path(__file__).resolve().parents[2] / "MRISuperResolution" / "MRISuperResolutionLib"
PANELS = sorted(path.stem for path in (LIBRARY / "Panels").glob("*Panel.py"))


def testThereAreAsManyPanelsAsFilesOfThem():
    files = {
        path.stem: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((LIBRARY / "Panels").glob("*.py"))
    }
    defined = [
        (name, node.name)
        for name, tree in files.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Panel")
    ]
    assert len(PANELS) > 15
    assert defined == [(name, name) for name in PANELS], "one a file, which has its name"


@pytest.mark.parametrize("name", PANELS)
def testEveryPanelShowsTheState(host, name):
    from MRISuperResolutionLib.Panels.PanelState import PanelState

    show = getattr(import_module(f"MRISuperResolutionLib.Panels.{name}"), name).show
    signature = inspect.signature(show)
    assert list(signature.parameters) == ["self", "state"]
    assert inspect.get_annotations(show, eval_str=True)["state"] is PanelState


def testAnUpdateMakesOneStateForAllPanels(panel):
    widget, shown = panel.parent.widget.panel, []
    for section in widget._panels:
        section.show = lambda state: shown.append(state)
    panel.ui.inputSelector.setCurrentNode(head())
    panel.events()
    shown.clear()
    widget._update()
    assert len(shown) == len(widget._panels) > 10
    assert {id(state) for state in shown} == {id(widget._state)}
    state = widget._state
    assert (state.parameters, state.idle, state.refusal) == (panel.parameters, True, "")
    assert state.card.name == state.proposal.model == panel.parameters.model
    assert state.scan.shape == panel.parameters.inputVolume.GetImageData().GetDimensions()
    assert state.plan.engine.target.shape == (48, 56, 36)
    with pytest.raises(FrozenInstanceError):
        state.idle = False


def testASectionMoreIsALineMore(panel):
    """What a new section shows is brought up to date with the others, and hears of everything that they hear of."""
    heard = []

    class Newcomer:
        def show(self, state) -> None:
            heard.append((state.parameters.seed, state.refusal))

    panel.parent.widget.panel._panels.append(Newcomer())
    panel.ui.seedSpinBox.value = 7
    panel.events()
    assert heard[-1] == (7, "Choose an input volume.")
    panel.ui.inputSelector.setCurrentNode(head())
    panel.events()
    assert heard[-1] == (7, "")


def testTheTrustOfAStateIsReadAnew(panel):
    from MRISuperResolutionLib.Panels.PanelState import PanelState
    from MRISuperResolutionLib.Scene import VolumeBridge

    result = VolumeBridge.addNode("Result")
    panel.parameters.trustResult = result
    state = PanelState(panel.parameters, idle=True)
    assert state.trust is None
    VolumeBridge.describe(result, result, {"trust": {"color": "red"}})
    assert state.trust.agreement == "red"
    assert "trust" not in [field.name for field in fields(state)]
