"""What is in the repository can be checked out, read and run on any system."""

import ast
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from mrisr.image.windows import LONGEST, flaw_of

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / "MRISuperResolution"

INSTALLED = (
    "C:/Users/firstname.lastname/AppData/Local/slicer.org/3D Slicer 5.10.0/slicer.org/Extensions-34045/MRISuperResolution"
    "/lib/Slicer-5.10/qt-scripted-modules"
)
"""Where Slicer puts an extension's modules on Windows, below a long name of a user."""

POSIX_ONLY = {
    "fcntl", "resource", "pwd", "grp", "termios", "fork", "register_at_fork", "killpg", "getpgid", "setsid", "getuid", "geteuid", "sysconf",
    "statvfs", "sched_getaffinity", "mkfifo", "O_NOFOLLOW", "SIGKILL", "SIGHUP", "SIGPIPE", "SIGUSR1", "pthread_sigmask", "setitimer",
}  # fmt: skip

GUARDED = {
    "mrisr/cluster/local.py": {"pthread_sigmask"},
    "mrisr/compute/memory.py": {"sysconf"},
    "mrisr/image/lock.py": {"fcntl"},
    "mrisr/image/replacement.py": {"O_NOFOLLOW"},
    "mrisr/interruption.py": {"register_at_fork"},
    "MRISuperResolutionLib/System/JobFolder.py": {"O_NOFOLLOW", "fcntl"},
    "MRISuperResolutionLib/System/Machine.py": {"sysconf"},
    "MRISuperResolutionLib/System/Process.py": {"killpg", "SIGKILL"},
}
"""Where names that Windows has not are used, each behind a question for the system; `Testing/as_on_windows.py` takes them away."""


def tracked():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return [line for line in done.stdout.splitlines() if (ROOT / line).exists()]


def sources():
    """The product, and what runs beside it: not the tests, which are run where Python reads UTF-8 anyway."""
    return [*PRODUCT.rglob("*.py"), *(ROOT / "Testing").glob("*.py"), *(ROOT / "docs").rglob("*.py")]


def test_paths_are_short_and_can_be_told_apart_and_written_anywhere():
    paths = tracked()
    assert len(paths) > 500
    assert [path for path in paths if any(flaw_of(part) for part in path.split("/"))] == []
    assert [path for path, count in Counter(path.casefold() for path in paths).items() if count > 1] == []
    # Below C:\Users\firstname.lastname\Documents\GitHub\SlicerMRISuperResolution
    assert [path for path in paths if len(path) > 120] == []
    modules = [Path(path).relative_to(PRODUCT.name) for path in paths if path.startswith(f"{PRODUCT.name}/")]
    modules += [
        path.parent / "__pycache__" / f"{path.stem}.cpython-312.pyc"
        for path in modules
        if path.suffix == ".py"
    ]
    assert [str(path) for path in modules if len(f"{INSTALLED}/{path}") > LONGEST] == []


def opened_as_text(tree):
    """Calls that read or write text and do not say in which encoding."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        words = {keyword.arg: keyword.value for keyword in node.keywords}
        place = 0 if owner and owner != "io" else 1
        mode = words.get("mode") or (node.args[place] if len(node.args) > place else ast.Constant("r"))
        text = {
            "open": owner not in ("os", "Image", "gzip") and "b" not in str(getattr(mode, "value", "")),
            "fdopen": "b" not in ast.unparse(node),
            "read_text": owner != "package",  # of importlib.metadata
            "write_text": True,
            "NamedTemporaryFile": "w" in str(getattr(mode, "value", "")),
            "run": owner == "subprocess" and "text" in words,
            "Popen": "text" in words,
        }
        if text.get(name, False) and "encoding" not in words:
            yield node.lineno


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("open(p)", True),
        ("open(p, 'rb')", False),
        ("open(p, encoding='utf-8')", False),
        ("path.open()", True),
        ("path.open('wb')", False),
        ("path.open('w')", True),
        ("path.read_text()", True),
        ("path.write_text(t, encoding='utf-8')", False),
        ("os.open(p, flags)", False),
        ("subprocess.run(c, text=True)", True),
        ("subprocess.run(c)", False),
        ("loop.run()", False),
    ],
)
def test_a_text_without_encoding_is_noticed(code, found):
    assert bool(list(opened_as_text(ast.parse(code)))) is found


def test_texts_are_read_and_written_in_utf_8_wherever_this_runs():
    assert [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources()
        for line in opened_as_text(ast.parse(path.read_text(encoding="utf-8")))
    ] == []


def test_what_windows_has_not_is_used_where_it_is_asked_for_only():
    used = {}
    for path in PRODUCT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        if found := names & POSIX_ONLY:
            used[path.relative_to(PRODUCT).as_posix()] = found
    assert used == GUARDED


def test_no_process_is_begun_by_a_fork():
    """Windows has none, and macOS' libraries do not survive them."""
    texts = {path: path.read_text(encoding="utf-8") for path in PRODUCT.rglob("*.py")}
    assert [str(path) for path, text in texts.items() if '"fork"' in text or "os.fork(" in text] == []
