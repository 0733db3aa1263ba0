"""Whether a package that the Extensions Index's script made holds the module: `python Testing/packaged.py FOLDER`, where it lies."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

MODULE = Path(__file__).resolve().parents[1] / "MRISuperResolution"
SCRIPTED = "qt-scripted-modules"
"""The folder of a package in which Slicer looks for modules in Python."""

ENDS = (".tar.gz", ".zip")


def listed(text: str) -> set[str]:
    """The files that a module's `CMakeLists.txt` names."""
    lists = re.findall(r"set\(MODULE_PYTHON_(?:SCRIPTS|RESOURCES)\s+([^)]*)\)", text)
    name = re.search(r"set\(MODULE_NAME (\w+)\)", text)
    return {each for entries in lists for each in entries.split()} | ({f"{name[1]}.py"} if name else set())


def held(package: Path, folder: Path) -> set[str]:
    """The module's files in a package, which is unpacked into `folder`."""
    shutil.unpack_archive(package, folder, **({"filter": "data"} if package.suffix == ".gz" else {}))
    bases = [path for path in folder.rglob(SCRIPTED) if path.is_dir()]
    return {
        path.relative_to(base).as_posix()
        for base in bases
        for path in base.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def main(folder: str) -> int:
    """Say what is missing in each package of a folder, or too much; the exit code."""
    packages = [path for path in sorted(Path(folder).iterdir()) if path.name.endswith(ENDS)]
    wanted = listed((MODULE / "CMakeLists.txt").read_text(encoding="utf-8"))
    wrong = not packages
    for package in packages:
        with tempfile.TemporaryDirectory() as unpacked:
            found = held(package, Path(unpacked))
        for word, names in (("missing", wanted - found), ("not listed", found - wanted)):
            wrong |= bool(names)
            for name in sorted(names):
                print(f"{package.name}: {word}: {name}")
        print(f"{package.name}: {len(found)} files, {package.stat().st_size / 2**20:.1f} MB")
    if not packages:
        print(f"{folder} holds no package.")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
