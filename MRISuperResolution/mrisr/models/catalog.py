"""The models at hand: folders with a card, and weights that are checked before they are used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CatalogError, ConfigError, did_you_mean
from ..image.replacement import replacing
from ..packages import NETWORKS, needed_for
from .base import Model
from .card import CARD, PACKAGED, SCHEMA, WEIGHTS, Card, card_text, check_regular
from .discovery import build
from .kept import KEPT
from .schema import flaw_of, schema_in
from .storage import unpacked

if TYPE_CHECKING:
    from torch import Tensor

USER_FOLDERS = "MRISR_MODELS"
"""Environment variable: more folders of models, separated as in PATH."""


def roots() -> list[Path]:
    """The folders in which models are looked for; a user's come first and so may replace a packaged one."""
    extra = [Path(p).expanduser() for p in os.environ.get(USER_FOLDERS, "").split(os.pathsep) if p]
    return [*extra, PACKAGED]


def list_models(broken: Callable[[CatalogError], None] | None = None) -> list[Card]:
    """The cards of all models: interpolation first, then by name.

    Args:
        broken: told of each card that cannot be read, which is then left out.

    Raises:
        CatalogError: a card is broken, and nobody is to be told.
    """
    cards = {}
    for folder in _folders(reversed(roots())):
        try:
            cards[folder.name] = Card.read(folder)
        except CatalogError as error:
            if broken is None:
                raise
            broken(error)
    return sorted(cards.values(), key=lambda card: (card.sha256 is not None, card.name))


def find(model: str | Path | Card) -> Card:
    """The card of a model: of the one of this name, or of the one in this folder.

    A text is a name, whatever is in it, and only looked for in `roots`: it may come from a record or a job of others. A folder is a `Path`.

    Raises:
        CatalogError: there is no such model, or its card is broken.

    Example:
        >>> find("cubic").family
        'interpolation'
    """
    if isinstance(model, Card):
        return model
    if isinstance(model, Path):
        return Card.read(model)
    folders = _folders(roots())
    found = next((folder for folder in folders if folder.name == model), None)
    if found is None:
        names = list(dict.fromkeys(folder.name for folder in folders))
        raise CatalogError(
            f"There is no model {model!r}.{did_you_mean(model, names)} There are {', '.join(names)}; the folder that holds the folder of "
            f"another one goes into {USER_FOLDERS}."
        )
    return Card.read(found)


def origin(card: Card) -> str:
    """Where a model that is not packaged lies, and whether it takes a packaged one's place; empty for packaged ones."""
    if card.folder.parent == PACKAGED:
        return ""
    replaced = ", in place of the packaged one" if (PACKAGED / card.folder.name / CARD).is_file() else ""
    return f"from {card.folder}{replaced}"


def check(card: Card) -> None:
    """Raise `CatalogError` unless the card follows the schema and lies in the folder of its name."""
    path = card.folder / CARD
    if flaw := flaw_of(card.data, schema_in(SCHEMA)):
        raise CatalogError(f"The model card {path} is broken ({flaw}); install the model again.")
    if card.name != card.folder.name:
        raise CatalogError(f"The model card {path} is of {card.name!r}; name its folder so.")


def amended(card: Card, **entries: Any) -> Path:
    """A card with other entries, written in its place; its path.

    Raises:
        CatalogError: it would be no card.
    """
    data = {**card.data, **entries}
    check(Card.of(data, card.folder))
    with replacing(card.folder / CARD) as partial:
        partial.write_text(card_text(data), encoding="utf-8")
    return card.folder / CARD


def write_model(folder: Path, weights: bytes, data: dict[str, Any]) -> None:
    """Write a new model: its weights, then the card that makes it one.

    Args:
        folder: of the model, with its name.
        weights: a safetensors file's content.
        data: the card's.

    Raises:
        ConfigError: the card does not follow the schema; nothing is written.
        FileError: the folder cannot be written.
    """
    check_new(data)
    with replacing(folder / WEIGHTS) as partial:
        partial.write_bytes(weights)
    with replacing(folder / CARD) as partial:
        partial.write_text(card_text(data), encoding="utf-8")


def check_new(data: dict[str, Any]) -> None:
    """Raise `ConfigError` unless a card that is to be written follows the schema."""
    if flaw := flaw_of(data, schema_in(SCHEMA)):
        raise ConfigError(
            f"The card of {data['name']} would be broken ({flaw}); choose another name, or correct the table card."
        )


def flaw_of_network(hyperparameters: dict[str, Any]) -> str | None:
    """What in a network's hyperparameters is beyond the schema's bounds; None if nothing is."""
    schema = schema_in(SCHEMA)
    return flaw_of(hyperparameters, {**schema["$defs"]["hyperparameters"], "$defs": schema["$defs"]})


def load_weights(card: Card) -> dict[str, Tensor] | None:
    """The tensors of a model, after its file has been compared with the card's SHA-256; None for a model without weights.

    Those that are stored in 8 bits come in single precision, see `storage`.

    Raises:
        CatalogError: the file is missing, differs from what the card says, or is no safetensors file.
    """
    if card.sha256 is None:
        return None
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = card.weights_path
    check_regular(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CatalogError(f"The weights {path} cannot be read; install the model again.") from error
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise CatalogError(
            f"The weights {path} are not those of the card (SHA-256 differs); install the model again."
        )
    try:
        tensors = unpacked(load(content))
    except ValueError as error:
        raise CatalogError(f"The weights {path} are damaged ({error}); install the model again.") from error
    except SafetensorError as error:
        raise CatalogError(
            f"The weights {path} are no safetensors file ({error}); install the model again."
        ) from error
    return tensors


def load_model(model: str | Path | Card) -> Model:
    """A model, ready to use, by its name, its folder or its card; see `find`. It may be one that was loaded before; see `kept`.

    Raises:
        CatalogError: it is missing, broken or tampered with, or needs a package that is not installed.
    """
    card = find(model)
    if (known := KEPT.find(card)) is not None:
        return known
    try:
        with needed_for(f"The model {card.name}", CatalogError, NETWORKS):
            loaded = build(card, load_weights(card))
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise CatalogError(
            f"The weights in {card.folder} do not fit its card ({error}); install the model again."
        ) from error
    KEPT.add(card, loaded)
    return loaded


def _folders(where: Iterable[Path]) -> list[Path]:
    return [
        folder
        for root in where
        if root.is_dir()
        for folder in sorted(root.iterdir())
        if (folder / CARD).is_file()
    ]
