"""The list of models: those that suit the scan, best first, the chosen one in words, and its card."""

import qt
from slicer.i18n import tr as _

from mrisr.models.card import Card
from mrisr.pipeline.proposal import Candidate

from ..Jobs import Plan
from ..System.ModelStore import ModelStore, gainText, gainToolTip, htmlOf, trainedText
from .PanelState import PanelState

MOST_ROWS = 4
"""The list grows with the models up to this; beyond, it scrolls, so that Apply stays in sight on a laptop."""

HEADER_AND_FRAME = 1.5
"""What the list needs beside its rows, in heights of a row."""

COLUMNS = 3


class ModelPanel:
    """``changed`` is called with the name when the user picks another model."""

    def __init__(self, ui, store: ModelStore, changed) -> None:
        self._ui, self._store, self._changed = ui, store, changed
        self._filling = False
        self._shown: list[Card] = []
        self._fill(store.cards)
        header = ui.modelTree.header()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(
            0, qt.QHeaderView.Stretch
        )  # a long name gives way and stands in the tool tip
        ui.modelTree.itemSelectionChanged.connect(self._selected)
        ui.modelCardButton.toggled.connect(self._toggleCard)

    @property
    def _selectedCard(self) -> Card | None:
        item = self._ui.modelTree.currentItem()
        row = self._ui.modelTree.indexOfTopLevelItem(item) if item is not None else -1
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def show(self, state: PanelState) -> None:
        """Bring the list up to date for a scan and target.

        While there is no proposal all models are listed, without figures; the chosen one is listed even if it does not suit.
        """
        self._list(state)
        self._ui.modelCardBrowser.html = htmlOf(state.card) if state.card is not None else ""
        proposal = state.proposal
        reason = (
            proposal.reason
            if proposal and state.card is not None and state.card.name == proposal.model
            else ""
        )
        self._ui.modelInfoLabel.text = self._warning(state) or reason
        self._ui.modelInfoLabel.visible = bool(self._ui.modelInfoLabel.text)

    def _list(self, state: PanelState) -> None:
        parameters, proposal = state.parameters, state.proposal
        candidates = {candidate.card.name: candidate for candidate in proposal.candidates} if proposal else {}
        suitable = [candidate.card for candidate in candidates.values()]
        others = [card for card in self._store.cards if card.name not in candidates]
        self._fill(
            [
                *suitable,
                *(
                    card
                    for card in others
                    if parameters.showAllModels or not candidates or card.name == parameters.model
                ),
            ]
        )
        for row, card in enumerate(self._shown):
            self._describe(
                self._ui.modelTree.topLevelItem(row),
                card,
                candidates.get(card.name),
                proposal is not None,
                parameters.samples,
            )
        self._select(parameters.model)

    def _warning(self, state: PanelState) -> str:
        """What speaks against the chosen model."""
        card, plan = state.card, state.plan
        if card is None:
            return (
                ""
                if self._shown
                else self._store.problem or _("No model was found; install the extension again.")
            )
        if plan is None or plan.engine is None:
            return ""
        made = plan.engine.acquisition
        misfit = card.misfit(plan.factor, made.kspace, made.profile, made.width)
        return f"⚠ {misfit}" if misfit else ""

    def _describe(self, item, card: Card, candidate: Candidate | None, isKnown: bool, samples: int) -> None:
        item.setText(0, card.label)
        item.setToolTip(0, f"{card.title}\n{card.purpose}\n{trainedText(card)}")
        item.setText(1, gainText(candidate) if candidate else "")
        item.setToolTip(
            1,
            gainToolTip(candidate) if candidate else "",
        )
        seconds = samples * candidate.seconds if candidate and candidate.seconds is not None else None
        item.setText(2, Plan.timeText(seconds) if candidate else "")
        unknown = candidate is not None and seconds is None
        item.setToolTip(2, _("Known after the first run on this computer.") if unknown else "")
        color = self._ui.modelTree.palette.color(
            qt.QPalette.Active if candidate or not isKnown else qt.QPalette.Disabled, qt.QPalette.Text
        )
        for column in range(COLUMNS):
            item.setForeground(column, qt.QBrush(color))

    def _fill(self, cards: list[Card]) -> None:
        if cards == self._shown:
            return
        self._filling = True
        self._ui.modelTree.clear()
        self._shown = list(cards)
        for card in cards:
            item = qt.QTreeWidgetItem()
            item.setText(0, card.label)
            self._ui.modelTree.addTopLevelItem(item)
        self._filling = False
        self._fitHeight()

    def _select(self, name: str) -> None:
        row = next((row for row, card in enumerate(self._shown) if card.name == name), -1)
        self._filling = True
        if row >= 0:
            self._ui.modelTree.setCurrentItem(self._ui.modelTree.topLevelItem(row))
        else:
            self._ui.modelTree.setCurrentItem(None)
        self._filling = False

    def _fitHeight(self) -> None:
        rows = min(len(self._shown), MOST_ROWS)
        height = round((rows + HEADER_AND_FRAME) * max(16, self._ui.modelTree.sizeHintForRow(0)))
        self._ui.modelTree.minimumHeight = height
        self._ui.modelTree.maximumHeight = height

    def _selected(self) -> None:
        card = self._selectedCard
        if not self._filling and card is not None:
            self._changed(card.name)

    def _toggleCard(self, shown: bool) -> None:
        self._ui.modelCardBrowser.visible = shown
