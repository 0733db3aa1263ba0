"""Finding text that does not fit."""

import qt


def clipped(parent) -> list[str]:
    """Names of the visible labels, buttons and sections whose text needs more room than they have."""
    kinds = (qt.QLabel, qt.QPushButton, qt.QCheckBox, qt.QSpinBox, qt.QDoubleSpinBox)
    found = []
    for widget in parent.findChildren(qt.QWidget):
        if (
            isinstance(widget, kinds)
            and widget.isVisibleTo(parent)
            and widget.objectName
            and _tooSmall(widget)
        ):
            found.append(widget.objectName)
    return found


def _tooSmall(widget) -> bool:
    if isinstance(widget, qt.QLabel) and widget.wordWrap:
        return widget.height < widget.heightForWidth(widget.width)
    return widget.width < widget.minimumSizeHint.width() or widget.height < widget.minimumSizeHint.height()
