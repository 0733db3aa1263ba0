"""The Model section: the list, the chosen model in words, and its card."""

import qt
from slicer.i18n import tr as _

from mrisr.card import Card

from . import Plan
from .ModelStore import ModelStore, fitText, htmlOf, qualityText, trainedText

MOST_ROWS = 9
"""The list grows with the models up to this; beyond, it scrolls."""


class ModelPanel:
    """``changed`` is called with the name when the user picks another model."""

    def __init__(self, ui, store: ModelStore, changed) -> None:
        self._ui, self._store, self._changed = ui, store, changed
        self._filling = False
        self._fillList()
        ui.modelTree.itemSelectionChanged.connect(self._selected)
        ui.modelCardButton.toggled.connect(self._toggleCard)

    @property
    def card(self) -> Card | None:
        item = self._ui.modelTree.currentItem()
        row = self._ui.modelTree.indexOfTopLevelItem(item) if item is not None else -1
        return self._store.cards[row] if 0 <= row < len(self._store.cards) else None

    def select(self, name: str) -> None:
        if name in self._store.names():
            item = self._ui.modelTree.topLevelItem(self._store.names().index(name))
            self._filling = True
            self._ui.modelTree.setCurrentItem(item)
            self._filling = False

    def show(self, plan: Plan.Plan | None, device: str, samples: int = 1) -> None:
        """Bring the list up to date for a scan, a target and so many runs of the model."""
        for row, card in enumerate(self._store.cards):
            item = self._ui.modelTree.topLevelItem(row)
            item.setText(1, fitText(card, plan.factor) if plan and plan.grid else "")
            item.setText(3, Plan.timeText(card, samples * plan.megavoxels, device) if plan and plan.grid else "")
        self._ui.modelInfoLabel.text = self._infoText(plan)
        self._ui.modelCardBrowser.html = htmlOf(self.card) if self.card else ""

    def _infoText(self, plan: Plan.Plan | None) -> str:
        card = self.card
        if card is None:
            return self._store.problem or _("No model was found; install the extension again.")
        misfit = card.misfit(plan.factor) if plan and plan.grid else None
        return " ".join([card.purpose, trainedText(card) if misfit is None else f"⚠ {misfit}"])

    def _fillList(self) -> None:
        for card in self._store.cards:
            item = qt.QTreeWidgetItem()
            item.setText(0, card.title)
            item.setToolTip(0, f"{card.title}\n{card.purpose}")
            item.setText(2, qualityText(card))
            self._ui.modelTree.addTopLevelItem(item)
        self._fitHeight()
        self._fitColumns()

    def _fitHeight(self) -> None:
        """As tall as the list is, with room for the header and the frame."""
        rows = min(len(self._store.cards), MOST_ROWS)
        height = round((rows + 1.8) * max(16, self._ui.modelTree.sizeHintForRow(0)))
        self._ui.modelTree.minimumHeight = height
        self._ui.modelTree.maximumHeight = height

    def _fitColumns(self) -> None:
        """Fit, quality and time are always whole; a long name gives way and stands in the tool tip."""
        header = self._ui.modelTree.header()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)

    def _selected(self) -> None:
        if not self._filling and self.card is not None:
            self._changed(self.card.name)

    def _toggleCard(self, shown: bool) -> None:
        self._ui.modelCardBrowser.visible = shown
        self._ui.modelCardButton.text = _("Hide the model card") if shown else _("Show the model card")
