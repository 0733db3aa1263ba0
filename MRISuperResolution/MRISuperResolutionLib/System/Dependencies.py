"""The Python packages that a run needs and Slicer lacks: asked for when it is first started, never before.

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
from collections.abc import Iterable
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from mrisr.models import catalog
from mrisr.models.card import Card
from mrisr.packages import NETWORKS, REQUIREMENTS

from .ModelStore import needsTorch

TORCH = REQUIREMENTS["torch"].removeprefix("torch")
"""The range that the networks run with."""

PACKAGES = {**REQUIREMENTS, "psutil": "psutil>=5.9"}
"""Import name and requirement."""

NETWORK = (*NETWORKS, "psutil")
"""Import names of what a network needs, and of what tells how much memory there is for it."""

KEPT = ("torch", "numpy", "scipy", "SimpleITK", "pydicom", "pillow", "requests")
"""What Slicer ships, or has picked for this computer: pip must leave it as it is."""

NIBABEL_KINDS = (".nii", ".nii.gz", ".mgz", ".mgh")
"""Files that need nibabel; everything else is read by SimpleITK, which Slicer ships."""


class DependencyError(Exception):
    """Something is missing; the message says what the user can do."""


def packagesFor(models: Iterable[str | Card]) -> tuple[str, ...]:
    """Import names of what models, by name or card, need beside what Slicer ships: nothing, for interpolation."""
    listed = {card.name: card for card in catalog.list_models(lambda _broken: None)}
    cards = [model if isinstance(model, Card) else listed.get(model) for model in models]
    return NETWORK if any(card is not None and needsTorch(card) for card in cards) else ()


class Dependencies:
    """What is there is found without importing it."""

    def missing(self, packages: Iterable[str]) -> list[str]:
        """Which of these import names Slicer lacks, or has too old."""
        return [
            name for name in packages if not isInstalled(name) or (name == "torch" and not isTorchRecent())
        ]

    def ensure(self, packages: Iterable[str]) -> None:
        """Install what a run needs, with the user's consent.

        :raises DependencyError: it is not there afterwards.
        """
        packages = tuple(packages)
        missing = self.missing(packages)
        if "torch" in missing:
            self._installTorch()
            self._refuse([name for name in self.missing(packages) if name == "torch"])
        if set(missing) - {"torch"}:
            self._installPackages([PACKAGES[name] for name in missing if name != "torch"])
        self._refuse(self.missing(packages))

    @staticmethod
    def _refuse(missing: list[str]) -> None:
        """Declined PyTorch comes back without an error, and pip would bring a build of its own along with other packages."""
        if missing:
            packages = ", ".join(PACKAGES.get(name, "torch" + TORCH) for name in missing)
            raise DependencyError(
                _(
                    "This cannot run without {packages}. Start it again to install, or choose an interpolation, which "
                    "needs nothing."
                ).format(packages=packages)
            )

    def _installTorch(self) -> None:
        if sys.platform == "darwin" and platform.machine() == "x86_64":
            raise DependencyError(
                _(
                    "PyTorch is no longer made for Intel Macs, so that networks cannot run here; choose "
                    "an interpolation."
                )
            )
        utils = _pyTorchUtils()
        try:
            utils.PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=TORCH)
        except Exception as error:
            logging.debug("PyTorch could not be installed", exc_info=True)
            raise DependencyError(torchAdvice(error)) from error
        importlib.invalidate_caches()

    def _installPackages(self, requirements: list[str]) -> None:
        try:
            _pipInstall(requirements, [f"{name}=={version}" for name in KEPT if (version := versionOf(name))])
            importlib.invalidate_caches()
        except Exception as error:
            logging.debug("Python packages could not be installed", exc_info=True)
            raise DependencyError(
                _(
                    "{packages} could not be installed ({error}). Check the internet connection and press "
                    "Apply again."
                ).format(packages=", ".join(requirements), error=error)
            ) from error


def isInstalled(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def versionOf(name: str) -> str:
    """Found without importing it; empty if it is not there, or only in part."""
    try:
        package = importlib.metadata.distribution(name)
        # Its own `version` parses the whole file, with a page of description: too slow for what every change of the panel asks.
        told = re.search(r"^Version: *(\S+)", package.read_text("METADATA") or "", re.MULTILINE)
        return told[1] if told else package.version or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def isTorchRecent() -> bool:
    return _release(versionOf("torch")) >= _release(TORCH)


def _release(version: str) -> list[int]:
    """Major and minor number."""
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


def torchAdvice(error: Exception) -> str:
    """What to do about a failed installation of PyTorch, for the failures that are known."""
    text = str(error)
    if getattr(error, "winerror", None) == 206 or "WinError 206" in text:
        return _(
            "Windows refused to install PyTorch because Slicer's folder has too long a name. Install Slicer in a short "
            "folder such as C:\\Slicer and try again."
        )
    if isinstance(error, TypeError):
        return _(
            "An earlier installation of PyTorch was not completed. Uninstall it in the PyTorch Utils module, restart "
            "Slicer and try again."
        )
    if "No space left" in text or getattr(error, "errno", None) == 28:
        return _("The disk is too full for PyTorch, which needs about 6 GB. Make room and try again.")
    return _(
        "PyTorch could not be installed ({error}). Check the internet connection, or install it in the PyTorch Utils "
        "module; the Slicer log has the details."
    ).format(error=text.splitlines()[0] if text else type(error).__name__)


def _pyTorchUtils():
    try:
        import PyTorchUtils
    except ModuleNotFoundError as error:
        raise DependencyError(
            _(
                "This model needs the PyTorch extension. Install it in the Extensions Manager, restart Slicer "
                "and press Apply again. Interpolation works without it."
            )
        ) from error
    return PyTorchUtils


def _pipInstall(requirements: list[str], kept: list[str]) -> None:
    """``slicer.packaging`` came with Slicer 5.12; before, pip was run by slicer.util.

    :param kept: what pip must not replace to get there, each with its version.
    """
    with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("\n".join(kept) + "\n", encoding="utf-8")
        try:
            from packaging.requirements import Requirement
            from slicer import packaging
        except ImportError:
            question = _("MRI Super-Resolution needs these Python packages: {packages}. Install them now?")
            if slicer.util.confirmOkCancelDisplay(question.format(packages=", ".join(requirements))):
                slicer.util.pip_install([*requirements, "--constraint", str(constraints)])
            return
        try:
            packaging.pip_ensure(
                [Requirement(text) for text in requirements],
                constraints=constraints,
                requester="MRI Super-Resolution",
            )
        except RuntimeError:
            logging.debug(
                "The installation was declined", exc_info=True
            )  # what is missing then is told by the caller
