"""For mkdocstrings: a setting's default is the value, not the call of `option` that declares it."""

from __future__ import annotations

from typing import Any

import griffe


class Defaults(griffe.Extension):
    """Shows `detail: float = 1.0` for `detail: float = option(1.0, …)`."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_more: Any) -> None:
        """An attribute's value, once it is read."""
        value = attr.value
        if isinstance(value, griffe.ExprCall) and str(value.function) == "option":
            attr.value = value.arguments[0]
