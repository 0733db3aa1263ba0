"""A part of the panel that has a ``.ui`` file of its own."""

from pathlib import Path

import slicer

FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "UI"


def addForm(ui, name: str, placeholder) -> None:
    """Load ``name.ui`` into the layout of the placeholder, and add its widgets to ``ui`` beside those of the panel."""
    form = slicer.util.loadUI(str(FOLDER / f"{name}.ui"))
    placeholder.layout().addWidget(form)
    form.setMRMLScene(slicer.mrmlScene)
    for widgetName, widget in vars(slicer.util.childWidgetVariables(form)).items():
        setattr(ui, widgetName, widget)
    setattr(ui, name, form)
