"""Which images of a data set are enhanced, by datatype, suffix and a filter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..image.bids_name import ENTITIES
from .dataset import Image

SUFFIXES = ("T1w", "T2w", "FLAIR", "PDw", "T2starw")
"""Contrasts whose images are enhanced unless others are asked for."""

DATATYPE = "anat"

MAGNITUDE = ("", "mag")
"""Labels of `part-…` whose values are brightness."""

NONE, ANY = (None, "Query.NONE"), ("*", "Query.ANY")
"""What filters say of an entity that must not be there, and of one that may have any label."""

KEYS = {**{name: key for key, name in ENTITIES.items()}, **{key: key for key in ENTITIES}}
"""Entities by the names that filters call them by."""


@dataclass(frozen=True)
class Selection:
    """What to take.

    Args:
        suffixes: contrasts.
        queries: by name, as pybids and fMRIPrep have them: `{"t2w": {"acquisition": "tra", "run": [1, 2]}}`. A query is about the suffixes
            that it states, else about the one of its name, else about all. An image must meet one of the queries about its suffix, if
            there is any.

    Raises:
        ConfigError: a query names an entity that BIDS does not know.
    """

    suffixes: tuple[str, ...] = SUFFIXES
    queries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, query in self.queries.items():
            for key in query:
                if key not in (*KEYS, "suffix", "datatype", "extension"):
                    raise ConfigError(
                        f"The query {name!r} of the filter asks for {key!r}; known are suffix, datatype, {', '.join(ENTITIES.values())}."
                    )

    def why_not(self, image: Image) -> str:
        """Why an image is not taken, as a sentence's end; empty for one that is."""
        if image.datatype != DATATYPE:
            return f"it is of the datatype {image.datatype}, and only {DATATYPE} is enhanced"
        if image.name.suffix not in self.suffixes:
            return f"its suffix {image.name.suffix} is none of {', '.join(self.suffixes)}"
        if (part := image.name.entities.get("part", "")) not in MAGNITUDE:
            return f"its values are no brightness (part-{part})"
        about = [query for name, query in self.queries.items() if self._is_about(name, query, image)]
        return "the filter does not choose it" if about and not any(_met(q, image) for q in about) else ""

    def _is_about(self, name: str, query: Mapping[str, Any], image: Image) -> bool:
        if "suffix" in query:
            return image.name.suffix in map(str, _listed(query["suffix"]))
        named = [suffix for suffix in self.suffixes if suffix.lower() == name.lower()]
        return not named or image.name.suffix in named


def suffix_named(text: str) -> str:
    """A suffix as BIDS writes it, of those that are enhanced by default; others as they are.

    Example:
        >>> suffix_named("t1W"), suffix_named("UNIT1")
        ('T1w', 'UNIT1')
    """
    return next((suffix for suffix in SUFFIXES if suffix.lower() == text.lower()), text)


def read_filter(path: Path) -> dict[str, dict[str, Any]]:
    """The queries in a file.

    Raises:
        ConfigError: it cannot be read, or is no table of tables.
    """
    shape = 'such as {"t2w": {"acquisition": "tra"}}'
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"The filter {path} cannot be read ({error}); it must be JSON {shape}.") from error
    if not isinstance(data, dict) or not all(isinstance(query, dict) for query in data.values()):
        raise ConfigError(f"The filter {path} must be a table of queries {shape}.")
    return data


def _met(query: Mapping[str, Any], image: Image) -> bool:
    held = {
        "suffix": image.name.suffix,
        "datatype": image.datatype,
        "extension": image.name.extension,
    }
    return all(
        _is_one_of(wanted, held.get(key) or image.name.entities.get(KEYS.get(key, key)))
        for key, wanted in query.items()
    )


def _is_one_of(wanted: Any, label: str | None) -> bool:
    """Whether a label is one that is asked for; whole numbers are the same whatever zeros stand before them."""
    if wanted in NONE:
        return label is None
    if label is None:
        return isinstance(wanted, list) and any(each in NONE for each in wanted)
    if wanted in ANY:
        return True
    return any(
        str(each) == label or (str(each).isdigit() and label.isdigit() and int(each) == int(label))
        for each in _listed(wanted)
        if each is not None
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
