"""``slicer.packaging`` of Slicer 5.12; 5.10 has none. Nothing is ever installed here."""

import logging
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from packaging.requirements import Requirement


def pip_check(req) -> bool:
    """Whether requirements are met."""
    if isinstance(req, list):
        return all(map(pip_check, req))
    wanted = Requirement(req) if isinstance(req, str) else req
    try:
        return version(wanted.name) in wanted.specifier
    except PackageNotFoundError:
        return False


def pip_ensure(
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install=True,
    prompt_restart=True,
    requester=None,
    skip_in_testing=True,
    show_progress=True,
):
    """As in Slicer: nothing happens in testing mode; elsewhere the user is asked, and one who declines raises a RuntimeError."""
    import slicer

    missing = [requirement for requirement in requirements if not pip_check(requirement)]
    if not missing:
        return None
    if skip_in_testing and slicer.app.testingEnabled():
        logging.info("Testing mode is enabled: skipping pip_ensure for %s", missing)
        return None
    if prompt_install and not slicer.util.confirmOkCancelDisplay(
        "Install?", f"{requester} - Install Python Packages"
    ):
        raise RuntimeError("User declined package installation")
    return pip_install([str(requirement) for requirement in missing], constraints, skip_packages)


def pip_install(requirements, constraints=None, skip_packages=None, **_keywords):
    """There is no way out of here: as on a computer without a network."""
    from subprocess import CalledProcessError

    raise CalledProcessError(1, ["pip", "install", *requirements])


def build() -> ModuleType:
    module = ModuleType("slicer.packaging")
    module.pip_check, module.pip_ensure, module.pip_install = pip_check, pip_ensure, pip_install
    return module
