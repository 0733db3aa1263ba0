"""The tutorial for clinicians, step by step, with a picture of each."""

from pathlib import Path

VIEWS = {
    "3-compare-rows": "Two rows, three directions",
    "4-compare-columns": "Two columns, one direction",
    "5-fade": "Fade from one to the other",
    "6-swipe": "Swipe from left to right",
}


def follow(panel, node, prefix: str = "tutorial-", model: str = "cubic") -> list[Path]:
    """Choose, apply, compare in every way, go back, subtract; the pictures, in order."""
    panel.choose(node, model)
    panel.shot(prefix + "1-choose")
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    panel.shot(prefix + "2-done")
    panel.laptopShot(prefix + "0-laptop")
    for name, view in VIEWS.items():
        panel.ui.compareModeComboBox.currentText = view
        panel.events()
        panel.click("compareButton")
        panel.shot(prefix + name)
    panel.click("restoreButton")
    panel.shot(prefix + "7-back")
    panel.click("differenceButton")
    panel.shot(prefix + "8-difference")
    return panel.saved
