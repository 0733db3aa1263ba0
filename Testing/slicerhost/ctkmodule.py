"""The few ctk widgets the module's ``.ui`` uses, with ctk's property and signal names."""

from fnmatch import fnmatch
from types import ModuleType

from PySide6.QtCore import Property, QMargins, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSlider,
    QStyle,
    QStyleOptionButton,
    QToolButton,
    QWidget,
)

from .uiloader import CUSTOM_WIDGETS, customWidget


@customWidget
class ctkCollapsibleButton(QWidget):
    """A header that folds the children away; like ctk's, it hides them and shows again those that were visible."""

    contentsCollapsed = Signal(bool)
    HEADER = 26

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._text = ""
        self._collapsed = False
        self._hidden: list[QWidget] = []
        self.setContentsMargins(0, self.HEADER, 0, 0)
        self.focusPolicy = Qt.FocusPolicy.StrongFocus

    def _getText(self) -> str:
        return self._text

    def _setText(self, text: str) -> None:
        self._text = text
        self.update()

    def _getCollapsed(self) -> bool:
        return self._collapsed

    def _setCollapsed(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        if collapsed:
            self._hidden = [child for child in self._widgets() if not child.isHidden()]
        for child in self._hidden:
            child.visible = not collapsed
        self.maximumHeight = self.HEADER if collapsed else 16777215
        self.updateGeometry()
        self.update()
        self.contentsCollapsed.emit(collapsed)

    text = Property(str, _getText, _setText)
    collapsed = Property(bool, _getCollapsed, _setCollapsed)

    def _widgets(self) -> list[QWidget]:
        return [child for child in self.children() if isinstance(child, QWidget)]

    def showEvent(self, event) -> None:
        super().showEvent(event)
        if self._collapsed and not self._hidden:
            self._hidden = [child for child in self._widgets() if not _isHiddenOnPurpose(child)]
        for child in self._hidden if self._collapsed else ():
            child.hide()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.HEADER) if self._collapsed else super().minimumSizeHint

    def sizeHint(self) -> QSize:
        return QSize(0, self.HEADER) if self._collapsed else super().sizeHint

    def mousePressEvent(self, event) -> None:
        if event.position().y() <= self.HEADER:
            self._setCollapsed(not self._collapsed)

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        option = QStyleOptionButton()
        option.initFrom(self)
        option.rect = self.rect.adjusted(0, 0, 0, self.HEADER - self.height)
        self.style().drawControl(QStyle.ControlElement.CE_PushButtonBevel, option, painter, self)
        arrow = (
            QStyle.PrimitiveElement.PE_IndicatorArrowRight
            if self._collapsed
            else (QStyle.PrimitiveElement.PE_IndicatorArrowDown)
        )
        option.rect = self.rect.adjusted(8, 8, 0, 0)
        option.rect.setSize(QSize(10, 10))
        self.style().drawPrimitive(arrow, option, painter, self)
        painter.drawText(26, 0, self.width, self.HEADER, Qt.AlignmentFlag.AlignVCenter, self._text)


def _isHiddenOnPurpose(widget: QWidget) -> bool:
    """A child that was never shown is hidden as well, but comes up with its parent."""
    attributes = (Qt.WidgetAttribute.WA_WState_Hidden, Qt.WidgetAttribute.WA_WState_ExplicitShowHide)
    return all(widget.testAttribute(attribute) for attribute in attributes)


@customWidget
class ctkSliderWidget(QWidget):
    valueChanged = Signal(float)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._slider, self._spin = QSlider(Qt.Orientation.Horizontal), QDoubleSpinBox()
        row = QHBoxLayout(self)
        row.contentsMargins = QMargins()
        row.addWidget(self._slider, 1)
        row.addWidget(self._spin)
        self.setFocusProxy(self._spin)
        self._slider.valueChanged.connect(self._sliderMoved)
        self._spin.valueChanged.connect(self._spinChanged)
        self._fitSlider()

    def _sliderMoved(self, position: int) -> None:
        self._spin.value = position * self._spin.singleStep

    def _spinChanged(self, value: float) -> None:
        self._slider.blockSignals(True)
        self._slider.value = round(value / self._spin.singleStep)
        self._slider.blockSignals(False)
        self.valueChanged.emit(value)

    def _fitSlider(self) -> None:
        step = self._spin.singleStep or 1
        self._slider.setRange(round(self._spin.minimum / step), round(self._spin.maximum / step))

    def _set(self, name: str, value: float) -> None:
        setattr(self._spin, name, value)
        self._fitSlider()

    value = Property(float, lambda self: self._spin.value, lambda self, v: setattr(self._spin, "value", v))
    minimum = Property(float, lambda self: self._spin.minimum, lambda self, v: self._set("minimum", v))
    maximum = Property(float, lambda self: self._spin.maximum, lambda self, v: self._set("maximum", v))
    singleStep = Property(
        float, lambda self: self._spin.singleStep, lambda self, v: self._set("singleStep", v)
    )
    decimals = Property(
        int, lambda self: self._spin.decimals, lambda self, v: setattr(self._spin, "decimals", v)
    )
    suffix = Property(str, lambda self: self._spin.suffix, lambda self, v: setattr(self._spin, "suffix", v))


@customWidget
class ctkPathLineEdit(QWidget):
    """Tells of a path only if its validator accepts it: not of an emptied one, and not of a name that no name filter knows."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._line, self._browse = QLineEdit(), QToolButton()
        self._browse.text = "…"
        row = QHBoxLayout(self)
        row.contentsMargins = QMargins()
        row.addWidget(self._line, 1)
        row.addWidget(self._browse)
        self.setFocusProxy(self._line)
        self._nameFilters: list[str] = []
        self._valid = False
        self._line.textChanged.connect(self._textChanged)
        self._browse.clicked.connect(self._choose)

    def _choose(self) -> None:
        self._line.text = QFileDialog.getExistingDirectory(self) or self._line.text

    def _textChanged(self, text: str) -> None:
        before, self._valid = self._valid, self._accepts(text)
        if self._valid:
            self.currentPathChanged.emit(text)
        if self._valid != before:
            self.validInputChanged.emit(self._valid)

    def _accepts(self, text: str) -> bool:
        kinds = [kind for entry in self._nameFilters for kind in entry.partition("(")[2].rstrip(")").split()]
        return bool(text) and (not kinds or any(fnmatch(text, kind) for kind in kinds))

    def _setNameFilters(self, filters: list[str]) -> None:
        self._nameFilters = list(filters)

    currentPath = Property(
        str, lambda self: self._line.text, lambda self, v: setattr(self._line, "text", str(v))
    )
    nameFilters = Property("QStringList", lambda self: self._nameFilters, _setNameFilters)
    filters = Property(int, lambda self: 0, lambda self, v: None)
    settingKey = Property(str, lambda self: "", lambda self, v: None)


def build() -> ModuleType:
    module = ModuleType("ctk")
    module.__dict__.update({name: cls for name, cls in CUSTOM_WIDGETS.items() if name.startswith("ctk")})
    return module
