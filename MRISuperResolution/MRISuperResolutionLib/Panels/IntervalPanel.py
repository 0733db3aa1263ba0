"""The interval map: how far the truth may lie from a result, and where the result can be relied on."""

from slicer.i18n import tr as _

from mrisr.trust.interval import TRUSTED

from ..Scene.Maps import Trust, dressSpread
from ..Scene.Records import provenanceOf
from ..Views.Overlay import Overlay
from .PanelState import PanelState


class IntervalPanel:
    """``changed`` is called when the views were given another overlay."""

    def __init__(self, ui, overlay: Overlay, changed) -> None:
        self._ui, self._overlay, self._changed = ui, overlay, changed
        self._trust: Trust | None = None
        ui.intervalButton.clicked.connect(self._toggle)

    def show(self, state: PanelState) -> None:
        """Show the interval of a result, if it has one, and whether the next result can have one."""
        self._trust = state.trust
        ui, interval = self._ui, self._interval
        unmeasured = "" if state.card is None or state.card.intervals else state.card.label
        ui.intervalCheckBox.enabled = not unmeasured
        ui.intervalButton.enabled = interval is not None
        ui.intervalButton.checked = self._overlay.shows(interval)
        ui.intervalInfoLabel.text = self._infoText(unmeasured)
        ui.intervalInfoLabel.visible = bool(ui.intervalInfoLabel.text)
        ui.intervalLegendLabel.visible = interval is not None
        if self._trust is not None and interval is not None:
            ui.intervalLegendLabel.text = self._legendText(self._trust.result)

    @property
    def _interval(self):
        return self._trust.interval if self._trust is not None else None

    def _infoText(self, unmeasured: str) -> str:
        if self._trust is not None and self._interval is not None:
            return provenanceOf(self._trust.result).get("interval", {}).get("sentence", "")
        if unmeasured:
            return _(
                "No interval: nobody has measured how far the truth lies from the results of {model}."
            ).format(model=unmeasured)
        if self._trust is None:
            return ""
        return _("No interval map: tick the box and apply again.")

    @staticmethod
    def _legendText(result) -> str:
        record = provenanceOf(result).get("interval", {})
        return _(
            "Trust where there is no color: the half-width is at most {percent:.0f} % of the brightness, {value:.3g} in the scan's units."
        ).format(percent=100 * TRUSTED, value=record.get("trusted_below", 0.0))

    def _toggle(self, *_arguments) -> None:
        if self._interval is not None and self._ui.intervalButton.checked:
            dressSpread(self._interval, TRUSTED)
            self._overlay.show(self._interval)
        else:
            self._overlay.hide(self._interval)
        self._changed()
