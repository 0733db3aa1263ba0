"""``slicer.packaging`` of Slicer 5.12; 5.10 has none. Nothing is ever installed here."""

import logging
import subprocess
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from packaging.requirements import InvalidRequirement, Requirement


def _asRequirements(requirements) -> list[Requirement]:
    """From one requirement, several in a text, or a list of texts and requirements; a TypeError for anything else, tuples included."""
    if isinstance(requirements, str):
        try:
            return [Requirement(requirements)]
        except InvalidRequirement:
            return [Requirement(text) for text in requirements.split()]
    if isinstance(requirements, Requirement):
        return [requirements]
    if isinstance(requirements, list):
        return [Requirement(entry) if isinstance(entry, str) else entry for entry in requirements]
    raise TypeError(f"Expected str, Requirement, or list, got {type(requirements).__name__}")


def pip_check(req) -> bool:
    """Whether requirements are met; one whose marker does not hold here is."""
    return all(map(_isMet, _asRequirements(req)))


def _isMet(requirement: Requirement) -> bool:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        return version(requirement.name) in requirement.specifier
    except PackageNotFoundError:
        return False


def pip_ensure(requirements, constraints=None, skip_packages=None, prompt_install=True, prompt_restart=True, requester=None,
               skip_in_testing=True, show_progress=True):
    """As in Slicer: nothing happens in testing mode; elsewhere the user is asked, and one who declines raises a RuntimeError."""
    import slicer

    missing = [requirement for requirement in _asRequirements(requirements) if not pip_check(requirement)]
    if not missing:
        return None
    if skip_in_testing and slicer.app.testingEnabled():
        logging.info("Testing mode is enabled: skipping pip_ensure for %s", missing)
        return None
    title = f"{requester} - Install Python Packages" if requester else "Install Python Packages"
    details = "\n".join(f"- {requirement}" for requirement in missing)
    if prompt_install and not slicer.util.confirmOkCancelDisplay("Python packages need to be installed.", title, detailedText=details):
        raise RuntimeError("User declined package installation")
    return pip_install(
        [str(requirement) for requirement in missing], constraints=constraints, skip_packages=skip_packages,
        show_progress=show_progress, requester=requester)


def pip_install(requirements, constraints=None, no_deps_requirements=None, skip_packages=None, blocking=True, show_progress=True,
                requester=None, parent=None, logCallback=None, completedCallback=None):
    """There is no way out of here: as on a computer without a network."""
    raise subprocess.CalledProcessError(1, ["pip", "install", *requirements])


def build() -> ModuleType:
    module = ModuleType("slicer.packaging")
    module.pip_check, module.pip_ensure, module.pip_install = pip_check, pip_ensure, pip_install
    return module
