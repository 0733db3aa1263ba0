"""The models of the catalog, as the panel shows them."""

from slicer.i18n import tr as _

from mrisr.errors import MrisrError
from mrisr.image.metrics import less_error, less_error_text
from mrisr.models.card import Card
from mrisr.pipeline.proposal import Candidate


class ModelStore:
    """Reads the cards once; a broken card hides its model and leaves a sentence in ``problem``."""

    def __init__(self) -> None:
        self.problem = ""
        self.cards: list[Card] = []
        self.reload()

    def reload(self) -> None:
        from mrisr.models import catalog

        problems: list[MrisrError] = []
        self.cards = catalog.list_models(problems.append)
        self.problem = " ".join(map(str, problems))

    def names(self) -> list[str]:
        return [card.name for card in self.cards]

    def card(self, name: str) -> Card | None:
        return next((card for card in self.cards if card.name == name), None)


def needsTorch(card: Card) -> bool:
    return card.sha256 is not None


def gainText(candidate: Candidate) -> str:
    """For the list: how much less error than plain interpolation on the protocol that is nearest to the scan."""
    if not needsTorch(candidate.card):
        return _("baseline")
    return (
        _("not measured")
        if candidate.gain is None
        else _("{percent:.0f} %").format(percent=less_error(candidate.gain))
    )


def gainToolTip(candidate: Candidate) -> str:
    """What that figure is, and where it comes from."""
    if not needsTorch(candidate.card):
        return _("Plain interpolation adds nothing; all models are measured against the cubic one.")
    if candidate.gain is None:
        return ""
    return _(
        "{gain} than plain (cubic) interpolation in the head; the decibels are those of the peak signal-to-noise ratio (PSNR). Measured on "
        "the protocol {protocol}, the nearest to this scan."
    ).format(gain=less_error_text(candidate.gain), protocol=candidate.protocol)


def trainedText(card: Card) -> str:
    """What the model was trained for, in a sentence."""
    if not card.trained:
        return _("Works for any scan.")
    contrasts = ", ".join(card.contrasts) or _("any contrast")
    return _("Trained for {what}; contrast: {contrasts}.").format(
        what=card.trained_text(), contrasts=contrasts
    )


def htmlOf(card: Card) -> str:
    """The whole card, for the details pane, and where a model of the user's lies."""
    from mrisr.models import catalog

    rows = "".join(
        f"<tr><td valign='top'><b>{_escaped(key)}</b>&nbsp;&nbsp;</td><td>{_valueHtml(value)}</td></tr>"
        for key, value in {**card.readable, "origin": catalog.origin(card)}.items()
        if value not in (None, [], {}, "")
    )
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
