"""Python as Slicer ships it: what it lacks cannot be found, be it imported already or not.

The finders of this interpreter are told to see none of it, so that an import fails as it does there, ``find_spec`` finds nothing and
``importlib.metadata`` knows no version. The module and the engine are imported anew, because what they have imported before they hold.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

NOT_SHIPPED = ("torch", "nibabel", "monai", "skimage", "matplotlib", "psutil", "jsonschema", "tqdm", "safetensors")
"""Packages that no Slicer has before a module asks for them."""

DISTRIBUTIONS = {"skimage": "scikit-image"}
"""Where pip's name is another one."""

ANEW = ("mrisr", "MRISuperResolutionLib")


class _Blind:
    """A finder that does not see some packages."""

    def __init__(self, finder, hidden: Iterable[str]) -> None:
        self._finder, self._hidden = finder, frozenset(hidden)
        self._distributions = frozenset(DISTRIBUTIONS.get(name, name) for name in hidden)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in self._hidden else self._finder.find_spec(name, path, target)

    def find_distributions(self, *context):
        find = getattr(self._finder, "find_distributions", lambda *_: ())
        for distribution in find(*context):
            if re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower() not in self._distributions:
                yield distribution

    def __getattr__(self, name: str):
        return getattr(self._finder, name)


def _taken(names: Iterable[str]) -> dict:
    """Take packages, with all that is in them, out of ``sys.modules``."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in names}


@contextmanager
def hidden(names: Iterable[str] = NOT_SHIPPED) -> Iterator[None]:
    """Be without packages for a while.

    :raises AssertionError: at the end, if one was there nevertheless.
    """
    finders, removed = list(sys.meta_path), _taken((*names, *ANEW))
    sys.meta_path[:] = [_Blind(finder, names) for finder in finders]
    try:
        yield
        found = sorted(name for name in sys.modules if name.partition(".")[0] in names)
        assert not found, f"imported although Slicer lacks them: {found}"
    finally:
        sys.meta_path[:] = finders
        _taken((*names, *ANEW))
        sys.modules.update(removed)
