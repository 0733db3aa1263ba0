"""What the module takes from Slicer: the names in its Python files and in its forms, read from their syntax.

Names are dotted: `slicer.util.arrayFromVolume`, `qt.QTimer`, `SampleData.SampleDataLogic`; a pair of parentheses stands for a call's result
(`slicer.app.layoutManager().setLayout`). What the code does with a widget of a form is named after the widget's class:
`QPushButton.clicked`.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

ROOTS = ("slicer", "qt", "ctk", "vtk", "SampleData", "PyTorchUtils", "packaging", "DICOMLib")
"""The modules that are Slicer's, or come with it."""

GIVEN = {"database": "slicer.dicomDatabase", "utils": "PyTorchUtils"}
"""Variables that hold something of Slicer's which a function of the module has fetched."""

UI = ("ui", "_ui", "uiWidget")
"""Variables and attributes that hold a form's widgets."""

QT = ("QWidget",)
"""The class of a widget whose name is only known at run time."""


def names(folder: Path) -> set[str]:
    """Every name that the module in a folder takes, from code and forms."""
    classes = widgetClasses(folder)
    found = set(namesInForms(folder))
    for path in codeFiles(folder):
        found |= namesInCode(path.read_text(encoding="utf-8"), classes)
    return found


def codeFiles(folder: Path) -> list[Path]:
    """The Slicer side of the module: its file and its library, not the engine."""
    return [*sorted(folder.glob("*.py")), *sorted((folder / "MRISuperResolutionLib").rglob("*.py"))]


def namesInCode(text: str, classes: dict[str, str] | None = None) -> set[str]:
    """The names that a piece of code takes.

    :param classes: of the widgets of the forms, by name.
    """
    reader = _Reader(classes or {})
    reader.visit(ast.parse(text))
    found = {_trimmed(name) for name in reader.found}
    return {name for name in found if not any(other.startswith((f"{name}.", f"{name}()")) for other in found)}


def _trimmed(name: str) -> str:
    """Without what is no longer Slicer's: a signal's ``connect``, and what is done with a text or an array that a function gave."""
    name = name.removesuffix(".connect") if name != "slicer.app.connect" else name
    for function in ("slicer.i18n.tr()", "slicer.util.arrayFrom"):
        if name.startswith(function):
            return name.partition("()")[0]
    return name


def widgetClasses(folder: Path) -> dict[str, str]:
    """The class of each widget of the forms, by its name."""
    return {widget.get("name"): widget.get("class") for form in _forms(folder) for widget in form.iter("widget")}


def namesInForms(folder: Path) -> Iterator[str]:
    """Widget classes that are not Qt's, their properties that a form sets, and the signals and slots that it connects."""
    for form in _forms(folder):
        for widget in form.iter("widget"):
            name = widget.get("class")
            if name.startswith(("qMRML", "ctk")):
                yield name
                yield from (f"{name}.{entry.get('name')}" for entry in widget.findall("property") if _isOwn(entry.get("name")))
        for connection in form.find("connections") or ():
            yield f"qMRMLWidget.{connection.findtext('signal').partition('(')[0]}"


QTS_OWN = ("toolTip", "text", "visible", "enabled", "sizePolicy", "minimumSize", "maximumSize", "geometry", "SlicerParameterName")
"""Properties that every widget of Qt has, and the name by which a widget is bound."""


def _isOwn(name: str) -> bool:
    return name not in QTS_OWN


def _forms(folder: Path) -> list[ET.Element]:
    return [ET.parse(path).getroot() for path in sorted((folder / "Resources" / "UI").glob("*.ui"))]


class _Reader(ast.NodeVisitor):
    """Follows imports, simple assignments and attributes."""

    def __init__(self, classes: dict[str, str]) -> None:
        self.found: set[str] = set()
        self._classes = classes
        self._aliases: dict[str, str] = dict(GIVEN)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.partition(".")[0] in ROOTS:
                self._aliases[alias.asname or alias.name.partition(".")[0]] = alias.name if alias.asname else alias.name.partition(".")[0]
                self.found.add(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or (node.module or "").partition(".")[0] not in ROOTS:
            return
        for alias in node.names:
            self._aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            self.found.add(f"{node.module}.{alias.name}")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """What a function calls something is forgotten after it; what an object keeps is not."""
        before = dict(self._aliases)
        for argument in [*node.args.args, *node.args.kwonlyargs]:
            self._aliases.pop(argument.arg if argument.arg not in GIVEN else "", None)
        self.generic_visit(node)
        self._aliases = before | {name: chain for name, chain in self._aliases.items() if name.startswith("self.")}

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        chain, target = self._chain(node.value), node.targets[0]
        if chain and isinstance(target, ast.Name):
            self._aliases[target.id] = chain
        elif chain and isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
            self._aliases[f"self.{target.attr}"] = chain

    def visit_For(self, node: ast.For) -> None:
        """A loop over widgets of one class."""
        classes = {self._widget(item) for item in getattr(node.iter, "elts", [])}
        if len(classes) == 1 and None not in classes and isinstance(node.target, ast.Name):
            self._aliases[node.target.id] = classes.pop()
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._note(self._chain(node))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self._note(self._chain(node))
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._note(self._aliases.get(node.id) if isinstance(node.ctx, ast.Load) else None)

    def _note(self, chain: str | None) -> None:
        if chain and chain.partition(".")[0].partition("(")[0] not in GIVEN:
            self.found.add(chain.removesuffix("()"))

    def _chain(self, node: ast.AST) -> str | None:
        """The dotted name of an expression that begins with something of Slicer's; None for any other."""
        if isinstance(node, ast.Name):
            return self._aliases.get(node.id)
        if isinstance(node, ast.Call):
            return self._called(node)
        if not isinstance(node, ast.Attribute):
            return None
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            return self._aliases.get(f"self.{node.attr}")
        if isinstance(node.value, ast.Attribute | ast.Name) and (name := self._widget(node.value)):
            return f"{name}.{node.attr}"
        before = self._chain(node.value)
        return f"{before}.{node.attr}" if before else None

    def _called(self, node: ast.Call) -> str | None:
        """What a call gives: an attribute by ``getattr``, a widget by its name, or the result of something of Slicer's."""
        if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr") and len(node.args) > 1:
            if _isUi(node.args[0]):
                return QT[0]
            owner, name = self._chain(node.args[0]), node.args[1]
            return f"{owner}.{name.value}" if owner and isinstance(name, ast.Constant) else None
        before = self._chain(node.func)
        if before and before.endswith(("AddNewNodeByClass", "GetFirstNodeByClass")) and isinstance(node.args[0], ast.Constant):
            self._note(before)
            return f"slicer.{node.args[0].value}()"
        return f"{before}()" if before else None

    def _widget(self, node: ast.AST) -> str | None:
        """The class of ``self._ui.name``."""
        if isinstance(node, ast.Attribute) and _isUi(node.value):
            return self._classes.get(node.attr)
        return None


def _isUi(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id in UI) or (isinstance(node, ast.Attribute) and node.attr in UI)


def difference(used: Iterable[str], written: Iterable[str]) -> tuple[list[str], list[str]]:
    """The names without a row, and the rows without a name."""
    return sorted(set(used) - set(written)), sorted(set(written) - set(used))
