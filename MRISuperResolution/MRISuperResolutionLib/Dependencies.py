"""The Python packages that networks need: asked for when a network is first run, never before.

PyTorch comes through the PyTorch extension, which picks the right build for the computer; the rest through pip, which
must leave that build alone. Both ask the user first. Interpolation needs nothing.
"""

import importlib.metadata
import importlib.util
import logging
import platform
import re
import sys
import tempfile
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from mrisr.card import Card

from .ModelStore import needsTorch

TORCH = ">=2.8"
"""What every MONAI of the range below runs with."""

PACKAGES = {"monai": "monai>=1.5", "nibabel": "nibabel>=5.2", "safetensors": "safetensors>=0.4", "psutil": "psutil>=5.9",
            "jsonschema": "jsonschema>=4.18"}
"""Import name and requirement."""


class DependencyError(Exception):
    """Something is missing; the message says what the user can do."""


class Dependencies:
    """What is there is found without importing it."""

    def missing(self, card: Card) -> list[str]:
        """Import names of the packages that the model needs and Slicer lacks."""
        if not needsTorch(card):
            return []
        return [name for name in ("torch", *PACKAGES) if not isInstalled(name) or (name == "torch" and not isTorchRecent())]

    def ensure(self, card: Card) -> None:
        """Install what the model needs, with the user's consent.

        :raises DependencyError: it is not there afterwards.
        """
        missing = self.missing(card)
        if "torch" in missing:
            self._installTorch()
            self._refuse(card, [name for name in self.missing(card) if name == "torch"])
        if set(missing) - {"torch"}:
            self._installPackages([PACKAGES[name] for name in missing if name != "torch"])
        self._refuse(card, self.missing(card))

    def _refuse(self, card: Card, missing: list[str]) -> None:
        """Declined PyTorch comes back without an error, and pip would bring a build of its own along with MONAI."""
        if missing:
            packages = ", ".join(PACKAGES.get(name, "torch" + TORCH) for name in missing)
            raise DependencyError(_("{title} cannot run without {packages}. Press Apply to install, or choose an "
                                    "interpolation.").format(title=card.title, packages=packages))

    def _installTorch(self) -> None:
        if sys.platform == "darwin" and platform.machine() == "x86_64":
            raise DependencyError(_("PyTorch is no longer made for Intel Macs, so that networks cannot run here; choose "
                                    "an interpolation."))
        utils = _pyTorchUtils()
        try:
            utils.PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=TORCH)
        except Exception as error:
            logging.exception("PyTorch could not be installed")
            raise DependencyError(torchAdvice(error)) from error
        importlib.invalidate_caches()

    def _installPackages(self, requirements: list[str]) -> None:
        try:
            _pipInstall(requirements, f"torch=={torchVersion()}")
            importlib.invalidate_caches()
        except Exception as error:
            logging.exception("Python packages could not be installed")
            raise DependencyError(_("{packages} could not be installed ({error}). Check the internet connection and press "
                                    "Apply again.").format(packages=", ".join(requirements), error=error)) from error


def isInstalled(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def torchVersion() -> str:
    """Found without importing it; empty if it is not there, or only in part."""
    try:
        return importlib.metadata.version("torch") or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def isTorchRecent() -> bool:
    return _release(torchVersion()) >= _release(TORCH)


def _release(version: str) -> list[int]:
    """Major and minor number."""
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


def torchAdvice(error: Exception) -> str:
    """What to do about a failed installation of PyTorch, for the failures that are known."""
    text = str(error)
    if getattr(error, "winerror", None) == 206 or "WinError 206" in text:
        return _("Windows refused to install PyTorch because Slicer's folder has too long a name. Install Slicer in a short "
                 "folder such as C:\\Slicer and try again.")
    if isinstance(error, TypeError):
        return _("An earlier installation of PyTorch was not completed. Uninstall it in the PyTorch Utils module, restart "
                 "Slicer and try again.")
    if "No space left" in text or getattr(error, "errno", None) == 28:
        return _("The disk is too full for PyTorch, which needs about 6 GB. Make room and try again.")
    return _("PyTorch could not be installed ({error}). Check the internet connection, or install it in the PyTorch Utils "
             "module; the Slicer log has the details.").format(error=text.splitlines()[0] if text else type(error).__name__)


def _pyTorchUtils():
    try:
        import PyTorchUtils
    except ModuleNotFoundError as error:
        raise DependencyError(_("This model needs the PyTorch extension. Install it in the Extensions Manager, restart Slicer "
                                "and press Apply again. Interpolation works without it.")) from error
    return PyTorchUtils


def _pipInstall(requirements: list[str], constraint: str) -> None:
    """``slicer.packaging`` came with Slicer 5.12; before, pip was run by slicer.util.

    :param constraint: what pip must not replace to get there.
    """
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(constraint + "\n", encoding="utf-8")
        try:
            from packaging.requirements import Requirement
            from slicer import packaging
        except ImportError:
            question = _("MRI Super-Resolution needs these Python packages: {packages}. Install them now?")
            if slicer.util.confirmOkCancelDisplay(question.format(packages=", ".join(requirements))):
                slicer.util.pip_install([*requirements, "--constraint", str(constraints)])
            return
        packaging.pip_ensure(
            [Requirement(text) for text in requirements], constraints=constraints, requester="MRI Super-Resolution")
