"""The verdict on a result: one sentence that is always seen, the numbers behind it, and the map of the disagreement."""

from slicer.i18n import tr as _

from mrisr.trust.verdict import BEYOND
from mrisr.trust.yardstick import RATIO, WORST

from ..Scene.Maps import WINDOW, Trust, dressResidual
from ..Views.Overlay import Overlay, jumpTo
from .PanelState import PanelState

MARKS = {
    "green": ("✓", "#ffffff", "#1b7f3b"),
    "amber": ("!", "#000000", "#f5b400"),
    "red": ("✗", "#ffffff", "#c62828"),
}
"""A mark for each color, its own color and that of its ground: the words beside it say the same."""

STYLE = "QLabel {{ color: {ink}; background-color: {ground}; border-radius: 14px; font-size: 16px; font-weight: bold; }}"


class ConsistencyPanel:
    """``changed`` is called when the views were given another overlay."""

    def __init__(self, ui, overlay: Overlay, changed) -> None:
        self._ui, self._overlay, self._changed = ui, overlay, changed
        self._trust: Trust | None = None
        ui.residualButton.clicked.connect(self._toggle)
        ui.worstButton.clicked.connect(self._goToWorst)

    def show(self, state: PanelState) -> None:
        """Show what is known about a result."""
        self._trust = trust = state.trust
        self._ui.verdictWidget.visible = trust is not None
        self._ui.trustNumbersLabel.text = (
            _numbers(trust.verdict) if trust else _("Choose a result that this module made.")
        )
        self._ui.worstButton.enabled = trust is not None
        if trust is not None:
            self._showSentence(trust)
        self._showMap()

    def _showSentence(self, trust: Trust) -> None:
        mark, ink, ground = MARKS[trust.verdict["color"]]
        self._ui.verdictMark.text = mark
        self._ui.verdictMark.styleSheet = STYLE.format(ink=ink, ground=ground)
        self._ui.verdictLabel.text = f"{trust.result.GetName()}\n{trust.verdict['sentence']}"
        numbers = "<br>".join(_numbers(trust.verdict).splitlines())
        for label in (self._ui.verdictMark, self._ui.verdictLabel, self._ui.trustNumbersLabel):
            label.toolTip = f"<p>{numbers}</p><p>{trust.verdict['explanation']}</p>"

    def _showMap(self) -> None:
        trust, residual = self._trust, self._residual
        shown = self._overlay.shows(residual)
        self._ui.residualButton.enabled = residual is not None
        self._ui.residualButton.checked = shown
        self._ui.residualLegendLabel.visible = shown
        if shown and trust is not None:
            dressResidual(residual, trust.verdict["tolerance"])
            self._ui.residualLegendLabel.text = _legend(trust.verdict["tolerance"])

    @property
    def _residual(self):
        return self._trust.residual if self._trust is not None else None

    def _toggle(self, *_arguments) -> None:
        trust, residual = self._trust, self._residual
        if trust is not None and residual is not None and self._ui.residualButton.checked:
            dressResidual(residual, trust.verdict["tolerance"])
            self._overlay.show(residual)
        else:
            self._overlay.hide(residual)
        self._changed()

    def _goToWorst(self, *_arguments) -> None:
        if self._trust is not None:
            jumpTo(self._trust.worst)


def _numbers(verdict: dict) -> str:
    """A line a number. Those of results that an earlier version made lack some."""
    limit, claimed = max(RATIO, verdict["limit"]), verdict.get("limits", WORST)
    who = (("network", _("What the network made"), claimed), ("result", _("The result"), WORST))
    lines = [_agreement(title, verdict[key], limit, places) for key, title, places in who if verdict.get(key)]
    lines = lines or [_agreement(_("The result"), verdict, limit, WORST)]
    if verdict.get("harm") is not None:
        harm = _(
            "The chance that plain interpolation is nearer to the truth than this result: {percent:.0f} %."
        )
        lines.append(harm.format(percent=100 * verdict["harm"]))
    noise = _("Noise of the scan: {noise:.3g} ({percent:.2g} % of its brightness).")
    lines.append(noise.format(noise=verdict["noise"], percent=verdict["noise_percent"]))
    if verdict.get("smallest"):
        spots = ", ".join(f"{size:g} mm wide: {percent:.2g} %" for size, percent in verdict["smallest"])
        lines.append(
            _(
                "Spots that differ from their surroundings by less than this would not be noticed: {spots} of the brightness."
            ).format(spots=spots)
        )
    if verdict.get("beyond_percent", 0) >= BEYOND:
        bright = _("{percent:.1f} % of the head is brighter than anything in the scan.")
        lines.append(bright.format(percent=verdict["beyond_percent"]))
    return "\n".join(lines)


def _agreement(title: str, found: dict, limit: float, places: tuple[float, float]) -> str:
    return _(
        "{title}, scanned again by calculation, differs from your scan by {ratio:.2f} times its noise in the whole head (green up to "
        "{limit:.2g}) and by {worst:.1f} times at the worst place (green up to {green:.2g}, amber up to {amber:.2g})."
    ).format(
        title=title, ratio=found["ratio"], limit=limit, worst=found["worst"], green=places[0], amber=places[1]
    )


def _legend(tolerance: float) -> str:
    return _(
        "Red: the result is brighter there than what was measured; blue: darker. Clear up to ±{start:.3g} (the noise), full "
        "color at ±{end:.3g}. Lines along sharp edges are what interpolation leaves; look for spots."
    ).format(start=tolerance, end=WINDOW * tolerance)
