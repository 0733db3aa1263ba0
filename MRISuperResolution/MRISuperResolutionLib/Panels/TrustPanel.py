"""How far to trust the chosen result: its verdict and its maps."""

from ..Scene.Maps import ROLES, Trust
from ..Scene.Records import scanOf
from ..Views.Overlay import Overlay
from .ConsistencyPanel import ConsistencyPanel
from .IntervalPanel import IntervalPanel
from .PanelState import PanelState
from .SpreadPanel import SpreadPanel


class TrustPanel:
    """Shows what the chosen result says of itself; only one map lies over the views at a time.

    :param compare: called with a scan and its result, shows them side by side, or brings the views back.
    """

    def __init__(self, ui, compare) -> None:
        self._ui, self._compare = ui, compare
        self._state: PanelState | None = None
        ui.verdictCompareButton.clicked.connect(self._compareResult)
        self._overlay = Overlay()
        self._shown: Trust | None = None
        self._consistency = ConsistencyPanel(ui, self._overlay, self._refresh)
        self._spread = SpreadPanel(ui, self._overlay, self._refresh)
        self._interval = IntervalPanel(ui, self._overlay, self._refresh)
        for button in (ui.verdictCompareButton, ui.compareButton, ui.restoreButton, ui.differenceButton):
            button.clicked.connect(self._refresh)

    def show(self, state: PanelState) -> None:
        """Bring the panel up to date with the chosen result."""
        self._state, trust = state, state.trust
        self._follow(trust)
        self._consistency.show(state)
        self._ui.verdictCompareButton.enabled = trust is not None and scanOf(trust.result) is not None
        self._spread.show(state)
        self._interval.show(state)

    def offer(self, result) -> None:
        """Put forward a fresh result, if it has a verdict. One that does not agree with its scan opens the section."""
        trust = Trust.of(result)
        if trust is None or self._state is None:
            return
        self._state.parameters.trustResult = result
        if trust.agreement != "green":
            self._ui.trustSection.collapsed = False
        self.show(self._state)

    def forget(self) -> None:
        """The scene closes, or another module is shown: nothing is watched any more."""
        self._spread.forget()
        self._state = None

    def clear(self) -> None:
        """The scene closes: what lay over the views goes with it."""
        self._overlay.forget()
        self._shown = None

    def _follow(self, trust: Trust | None) -> None:
        """A map that lies over the views gives way to that of the result now chosen."""
        previous, self._shown = self._shown, trust
        if previous is None or (trust is not None and trust.result is previous.result):
            return
        for role in ROLES:
            old, new = getattr(previous, role), getattr(trust, role, None)
            if self._overlay.shows(old):
                self._overlay.hide(old)
                if new is not None:
                    self._overlay.show(new)

    def _compareResult(self, *_arguments) -> None:
        result = self._state.parameters.trustResult if self._state is not None else None
        if result is not None and scanOf(result) is not None:
            self._compare(scanOf(result), result)

    def _refresh(self, *_arguments) -> None:
        if self._state is not None:
            self.show(self._state)
