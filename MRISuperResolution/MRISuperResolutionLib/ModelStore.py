"""The models of the catalog, as the panel shows them."""

from slicer.i18n import tr as _

from mrisr.card import Card
from mrisr.errors import MrisrError

FALLBACK = "cubic"


class ModelStore:
    """Reads the cards once; a broken card hides its model and leaves a sentence in ``problem``."""

    def __init__(self) -> None:
        self.problem = ""
        self.cards: list[Card] = []
        self.reload()

    def reload(self) -> None:
        from mrisr import catalog

        try:
            self.cards, self.problem = catalog.list_models(), ""
        except MrisrError as error:
            self.cards, self.problem = [], str(error)

    def names(self) -> list[str]:
        return [card.name for card in self.cards]

    def card(self, name: str) -> Card | None:
        return next((card for card in self.cards if card.name == name), None)

    def best(self, factor: tuple[float, float, float]) -> str:
        """The model with the largest measured gain among those trained for this factor; interpolation without one.

        On the scan's own matrix it is interpolation: whether the scan is blurred or truncated is for the user to say.
        """
        if max(factor) <= 1:
            return FALLBACK
        fitting = [card for card in self.cards if needsTorch(card) and card.misfit(factor) is None]
        best = max(fitting, key=gain, default=None)
        if best is not None and gain(best) > 0:
            return best.name
        return FALLBACK if FALLBACK in self.names() else next(iter(self.names()), "")


def needsTorch(card: Card) -> bool:
    return card.sha256 is not None


def gain(card: Card) -> float:
    """Mean PSNR gain in the head over the cubic B-spline, in dB, over the protocols of the card, on the headline scans."""
    rows = [entry for entry in card.quality if entry["scans"] == "headline"]
    gains = [entry["psnr_mask"][0] - entry["psnr_mask_cubic"][0] for entry in rows]
    return sum(gains) / len(gains) if gains else 0.0


def qualityText(card: Card) -> str:
    """For the list: the gain over plain interpolation."""
    if not any(entry["scans"] == "headline" for entry in card.quality):
        return _("not measured") if needsTorch(card) else _("baseline")
    return _("{gain:+.1f} dB").format(gain=gain(card))


def fitText(card: Card, factor: tuple[float, float, float]) -> str:
    """For the list: whether the card covers this scan and target."""
    if not card.trained:
        return _("any")
    return _("suitable") if card.misfit(factor) is None else _("outside")


def trainedText(card: Card) -> str:
    """What the model was trained for, in a sentence."""
    if not card.trained:
        return _("Works for any scan.")
    contrasts = ", ".join(card.contrasts) or _("any contrast")
    return _("Trained for {what}; contrast: {contrasts}.").format(what=card.trained_text(), contrasts=contrasts)


def htmlOf(card: Card) -> str:
    """The whole card, for the details pane."""
    rows = "".join(
        f"<tr><td valign='top'><b>{_escaped(key)}</b>&nbsp;&nbsp;</td><td>{_valueHtml(value)}</td></tr>"
        for key, value in card.readable.items() if value not in (None, [], {}, ""))
    return f"<h3>{_escaped(card.title)}</h3><table cellspacing='2'>{rows}</table>"


def _valueHtml(value) -> str:
    if isinstance(value, dict):
        return "<br>".join(f"{_escaped(key)}: {_valueHtml(item)}" for key, item in value.items())
    if isinstance(value, list):
        separator = "<br>" if any(isinstance(item, (dict, str)) for item in value) else ", "
        return separator.join(_valueHtml(item) for item in value)
    return _escaped(value)


def _escaped(value) -> str:
    return str(value).replace("_", " ").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
