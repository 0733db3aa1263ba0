"""What the module takes from Slicer: the names in its code and in its forms, found by following imports, variables, calls and widgets.

A name is dotted, from the module that gives it (``slicer.util.getNode``, ``qt.QTimer.timeout``); ``()`` stands for what a call gave
(``slicer.app.layoutManager().setLayout``). What is done with a widget of a form is named after its class: ``QPushButton.clicked``.
A capitalized attribute of an object whose class the code does not tell is one of VTK's, as nothing of the module is named like that:
``*.GetImageData``. A container counts as what is in it, an object as its class; a variable is all that it is ever set to.
"""

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

ROOTS = ("slicer", "qt", "ctk", "vtk", "SampleData", "PyTorchUtils", "packaging", "DICOMLib")
"""The modules that are Slicer's, or come with it."""

OBJECTS = ("slicer.app", "slicer.mrmlScene", "slicer.modules", "slicer.dicomDatabase")
"""What is an object and no module, so that a capitalized attribute of it is no class."""

FORM = "ui"
"""The value of whatever holds the widgets of a form; variables of that name, and attributes ``ui`` and ``_ui``, do."""

FOREIGN = "?"
"""The value of what other modules give."""

PLAIN = re.compile(
    r"\.(tr|translate|arrayFrom\w+|text|html|toolTip|currentPath|temporaryPath|property|value|checkedNodes|sliceViewNames"
    r"|instanceValue|fileForInstance)$"
)
"""What gives a text, an array or a number, whose attributes are Python's."""

CONTENT = ("items", "values", "keys", "get", "append", "setdefault", "format")
"""Methods of Python's containers, through which their content is seen."""

CONTAINERS = (
    "list",
    "tuple",
    "set",
    "dict",
    "sorted",
    "reversed",
    "zip",
    "enumerate",
    "iter",
    "next",
    "filter",
    "vars",
    "super",
    "replace",
)
"""And ``dataclasses.replace``: an object of the module's stays one."""

LIBRARY = "MRISuperResolutionLib"
ROOMS = ("Jobs", "Panels", "Scene", "System", "Views")
"""Its folders; a file is known by its own name alone."""
CONNECTING = (".connect", ".disconnect", ".emit")
VTK_CLASS = re.compile(r"vtk[A-Z]\w+")
CLASS = re.compile(r"([A-Z]|q[A-Z]|ctk[A-Z])\w+")
CAPITALIZED = re.compile(r"[A-Z]\w*[a-z]\w*")
MOST_TEXTS = 300


def names(folder: Path) -> set[str]:
    """Every name that the module in a folder takes, from code and forms."""
    forms = [path.read_text(encoding="utf-8") for path in sorted((folder / "Resources" / "UI").glob("*.ui"))]
    texts = {path.stem: path.read_text(encoding="utf-8") for path in codeFiles(folder)}
    return namesInCode(texts, widgetClasses(forms)) | set(namesInForms(forms))


def codeFiles(folder: Path) -> list[Path]:
    """The Slicer side of the module: its file and its library, not the engine."""
    return [*sorted(folder.glob("*.py")), *sorted((folder / LIBRARY).rglob("*.py"))]


def widgetClasses(forms: Iterable[str]) -> dict[str, str]:
    """The class of each widget of some forms, by its name."""
    return {
        widget.get("name"): widget.get("class")
        for form in forms
        for widget in ET.fromstring(form).iter("widget")
    }


def namesInForms(forms: Iterable[str]) -> Iterator[str]:
    """The classes of widgets, the properties that are set on those of Slicer and CTK, the signals and slots that are connected."""
    for form in map(ET.fromstring, forms):
        classes = {widget.get("name"): widget.get("class") for widget in form.iter("widget")}
        yield from classes.values()
        for widget in form.iter("widget"):
            for entry in widget.findall("property"):
                if not widget.get("class").startswith("Q"):
                    yield f"{widget.get('class')}.{entry.get('name')}"
                if entry.get("name") == "nodeTypes":
                    yield from (f"slicer.{kind.text}" for kind in entry.iter("string") if kind.text)
        for connection in form.iter("connection"):
            for end, member in (("sender", "signal"), ("receiver", "slot")):
                yield f"{classes[connection.findtext(end)]}.{connection.findtext(member).partition('(')[0]}"


def namesInCode(texts: dict[str, str], classes: dict[str, str] | None = None) -> set[str]:
    """The names that files of code take, which may import each other.

    :param texts: by the name of the file, without its ending.
    :param classes: of the widgets of the forms, by name.
    """
    facts: dict[str, set[str]] = defaultdict(set)
    readers = [_Reader(name, ast.parse(text), facts, classes or {}) for name, text in texts.items()]
    for guess in (False, True):
        size = -1
        while size != (
            size := sum(map(len, facts.values()))
        ):  # what a file tells of another is only known once all were read
            for reader in readers:
                reader.read(guess)
    return set().union(*(reader.found for reader in readers))


def difference(used: Iterable[str], written: Iterable[str]) -> tuple[list[str], list[str]]:
    """The names without a row, and the rows without a name."""
    return sorted(set(used) - set(written)), sorted(set(written) - set(used))


def _ownNames(node: ast.ClassDef) -> set[str]:
    """What a class or its objects have: functions, what the class sets, and what its methods set on ``self``."""
    stored = [
        part
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Store)
    ]
    return {part.name for part in node.body if isinstance(part, ast.FunctionDef)} | {
        part.id if isinstance(part, ast.Name) else part.attr for part in stored
    }


def _unplaced(values: set[str]) -> set[str]:
    """Without the places of what a comprehension has put into tuples."""
    return {value.rpartition("|")[2] for value in values}


class _Reader(ast.NodeVisitor):
    """Reads one file. A visit gives the values of an expression: names, ``@file.function`` for what is the module's own, and ``'texts``."""

    def __init__(
        self, name: str, tree: ast.Module, facts: dict[str, set[str]], classes: dict[str, str]
    ) -> None:
        self.found: set[str] = set()
        self._tree, self._facts, self._classes = tree, facts, classes
        self._scopes, self._class, self._guess = [name], "", False

    def read(self, guess: bool) -> None:
        """Once more from the start; only guess, what cannot be told, when nothing more will be known."""
        self.found.clear()
        self._guess = guess
        for statement in self._tree.body:
            self.visit(statement)

    def generic_visit(self, node: ast.AST) -> set[str]:
        """A container is what is in it."""
        return set().union(*(self.visit(child) for child in ast.iter_child_nodes(node)))

    def _note(self, chain: str) -> set[str]:
        """A name of Slicer's is found; what is done with a signal is not one."""
        for ending in CONNECTING:
            chain = chain if chain == "slicer.app.connect" else chain.removesuffix(ending)
        if chain not in (*ROOTS, FORM) and chain[0] not in "@'?":
            self.found.add(chain.removesuffix("()"))
        return {chain}

    def _set(self, target: ast.AST, values: set[str]) -> None:
        """A variable or an attribute of the module's own objects has these values from now on, too."""
        if isinstance(target, ast.Name):
            self._facts[f"{self._scopes[-1]}.{target.id}"] |= _unplaced(values)
        elif isinstance(target, ast.Attribute):
            for owner in self.visit(target.value):
                if owner.startswith("@"):
                    self._facts[f"{owner[1:]}.{target.attr}"] |= _unplaced(values)
            self.visit(target)
        elif isinstance(target, ast.Tuple | ast.List):
            for place, part in enumerate(target.elts):
                self._set(
                    part,
                    {
                        value.removeprefix(f"{place}|")
                        for value in values
                        if value.startswith(f"{place}|") or "|" not in value
                    },
                )
        else:
            self.visit(target)

    def visit_Import(self, node: ast.Import) -> set[str]:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            value = alias.name if alias.asname else root
            self._set(ast.Name(alias.asname or root), {value if root in ROOTS else FOREIGN})
            self._note(alias.name if root in ROOTS else FOREIGN)
        return set()

    def visit_ImportFrom(self, node: ast.ImportFrom) -> set[str]:
        module = (node.module or "").removeprefix(LIBRARY).removeprefix(".")
        isOwn, isSlicers = node.level or module != (node.module or ""), module.partition(".")[0] in ROOTS
        place = module.rpartition(".")[2] if isOwn else module
        for alias in node.names:
            path = alias.name if not place or place in ROOMS else f"{place}.{alias.name}"
            value = f"@{path}" if isOwn else path if isSlicers else FOREIGN
            self._set(ast.Name(alias.asname or alias.name), self._note(value))
        self._note(module if isSlicers and not isOwn else FOREIGN)
        return set()

    def visit_ClassDef(self, node: ast.ClassDef) -> set[str]:
        path = f"{self._scopes[-1]}.{node.name}"
        self._set(ast.Name(node.name), {f"@{path}"})
        self._facts[f"{path}:has"] |= _ownNames(node)
        for base in [*node.bases, *node.decorator_list]:
            self._facts[f"{path}:bases"] |= self.visit(base)
        self._within(path, node.body, path)
        return set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> set[str]:
        path = f"{self._scopes[-1]}.{node.name}"
        decorators = list(map(ast.unparse, node.decorator_list))
        isMethod = self._scopes[-1] == self._class and "staticmethod" not in decorators
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        self._facts[f"{path}:arguments"] |= {
            f"{place}:{argument.arg}" for place, argument in enumerate(arguments[isMethod:])
        }
        for argument in arguments:
            self._facts[f"{path}.{argument.arg}"] |= self._annotated(argument.annotation)
        if isMethod:
            self._facts[f"{path}.{arguments[0].arg}"] |= {f"@{self._class}"}
        for part in [*node.decorator_list, node.args]:
            self.visit(part)
        self._within(path, node.body, self._class)
        self._set(ast.Name(node.name), self._facts[f"{path}()"] if "property" in decorators else {f"@{path}"})
        return set()

    def _within(self, path: str, body: list[ast.stmt], className: str) -> None:
        before, self._class = self._class, className
        self._scopes.append(path)
        for statement in body:
            self.visit(statement)
        self._scopes.pop()
        self._class = before

    def visit_Return(self, node: ast.Return) -> set[str]:
        self._facts[f"{self._scopes[-1]}()"] |= self.visit(node.value) if node.value else set()
        return set()

    def visit_Assign(self, node: ast.Assign) -> set[str]:
        for target in node.targets:
            pairs = [(target, node.value)]
            if (
                isinstance(target, ast.Tuple)
                and isinstance(node.value, ast.Tuple)
                and len(target.elts) == len(node.value.elts)
            ):
                pairs = zip(target.elts, node.value.elts, strict=True)
            for part, value in pairs:
                self._set(part, self.visit(value))
        return set()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> set[str]:
        self._set(
            node.target, self._annotated(node.annotation) | (self.visit(node.value) if node.value else set())
        )
        return set()

    def _annotated(self, node: ast.AST | None) -> set[str]:
        """An object of VTK's remains one of an unknown class, as it may be of one that comes from the annotated class."""
        values = self.visit(node) if node else set()
        return {
            value
            for value in values
            if value != FOREIGN and not VTK_CLASS.fullmatch(value.rpartition(".")[2])
        }

    def _looped(self, node: ast.For | ast.comprehension) -> set[str]:
        self._set(node.target, self.visit(node.iter))
        for part in [*node.ifs] if isinstance(node, ast.comprehension) else [*node.body, *node.orelse]:
            self.visit(part)
        return set()

    visit_For = visit_comprehension = _looped

    def visit_withitem(self, node: ast.withitem) -> set[str]:
        values = self.visit(node.context_expr)
        if node.optional_vars:
            self._set(node.optional_vars, values)
        return set()

    def _comprehended(self, node: ast.AST) -> set[str]:
        for generator in node.generators:
            self.visit(generator)
        parts = [getattr(node, field) for field in ("key", "value", "elt") if hasattr(node, field)]
        if isinstance(
            parts[0], ast.Tuple
        ):  # each of its parts has its place when a loop takes it to pieces again
            return {
                f"{place}|{value}"
                for place, part in enumerate(parts[0].elts)
                for value in _unplaced(self.visit(part))
            }
        return set().union(*(self.visit(part) for part in parts))

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehended

    def visit_NamedExpr(self, node: ast.NamedExpr) -> set[str]:
        self._set(node.target, values := self.visit(node.value))
        return values

    def visit_Compare(self, node: ast.Compare) -> set[str]:
        self.generic_visit(node)
        return set()

    def visit_Subscript(self, node: ast.Subscript) -> set[str]:
        self.visit(node.slice)
        return self.visit(node.value)

    def visit_IfExp(self, node: ast.IfExp) -> set[str]:
        self.visit(node.test)
        return self.visit(node.body) | self.visit(node.orelse)

    def visit_Constant(self, node: ast.Constant) -> set[str]:
        """A text may be a widget's name; that of one of VTK's classes is taken from Slicer."""
        if not isinstance(node.value, str):
            return set()
        if VTK_CLASS.fullmatch(node.value):
            self._note(f"slicer.{node.value}")
        return {f"'{node.value}"} if node.value.isidentifier() else set()

    def visit_JoinedStr(self, node: ast.JoinedStr) -> set[str]:
        """A text made of parts is of interest if it is a widget's name."""
        parts = [[text[1:] for text in self.visit(part) if text.startswith("'")] for part in node.values]
        made = map("".join, itertools.islice(itertools.product(*parts), MOST_TEXTS))
        return {f"'{text}" for text in made if text in self._classes}

    def visit_Name(self, node: ast.Name) -> set[str]:
        if node.id in (FORM, f"_{FORM}"):
            return {FORM}
        path = self._scopes[-1]
        while path and not self._facts.get(f"{path}.{node.id}"):
            path = path.rpartition(".")[0]
        values = self._facts[f"{path}.{node.id}"] if path else set()
        for value in values:
            self._note(value)
        return set(values)

    def visit_Attribute(self, node: ast.Attribute) -> set[str]:
        if node.attr in (FORM, f"_{FORM}"):
            return {FORM}
        return self._attribute(self.visit(node.value), node.attr)

    def _attribute(self, owners: set[str], name: str) -> set[str]:
        owners = _unplaced(owners)
        found = set().union(*(self._member(owner, name) for owner in owners))
        isOwn = any(name in self._facts.get(f"{owner[1:]}:has", set()) for owner in owners)
        if not found and not isOwn and owners != {FOREIGN} and CAPITALIZED.fullmatch(name):
            self._note(f"*.{name}")
        return found

    def _member(self, owner: str, name: str) -> set[str]:
        """What an attribute of one of the values is."""
        if owner == FORM:
            chain = self._classes.get(name, name if name in CONTENT else f"QWidget.{name}")
            return {FORM} if name in CONTENT else self._note(chain)
        if owner.startswith("@"):
            return self._ownMember(owner[1:], name)
        if owner[0] in "'?":
            return (
                {owner}
                if name in CONTENT or (owner == FOREIGN and not CAPITALIZED.fullmatch(name))
                else set()
            )
        if name in CONTENT or PLAIN.search(owner.removesuffix("()")):
            return {owner} if name in CONTENT else set()
        if owner.endswith("()") and CAPITALIZED.fullmatch(name):
            return set()
        return self._note(f"{owner}.{name}")

    def _ownMember(self, path: str, name: str) -> set[str]:
        """Of a file, a class or an object; what a class does not have itself, one of Slicer's from which it comes may have."""
        if own := self._facts.get(f"{path}.{name}"):
            return set(own)
        bases = (
            self._facts.get(f"{path}:bases", set())
            if name not in self._facts.get(f"{path}:has", set())
            else set()
        )
        return set().union(*(self._member(base, name) for base in bases if base[0] not in "'?"))

    def visit_Call(self, node: ast.Call) -> set[str]:
        arguments = [self.visit(argument) for argument in node.args]
        keywords = {keyword.arg: self.visit(keyword.value) for keyword in node.keywords}
        function = node.func.id if isinstance(node.func, ast.Name) else ""
        if function in ("getattr", "hasattr"):
            return self._byName(*arguments[:2], isinstance(node.args[1], ast.Constant))
        if function == "range":  # the numbers that a widget's name may end with
            return {f"'{number}" for number in range(10)}
        if function in CONTAINERS:
            return set().union(*arguments) if arguments else self._facts.get(f"{self._class}:bases", set())
        return set().union(
            *(self._result(function, arguments, keywords) for function in _unplaced(self.visit(node.func)))
        )

    def _byName(self, owners: set[str], texts: set[str], isWritten: bool) -> set[str]:
        """``getattr``. A widget whose name is only known at run time is a widget all the same; settings are not looked up by variables."""
        names = {text[1:] for text in _unplaced(texts)}
        if FORM in owners:
            return {self._classes[name] for name in names & set(self._classes)} or (
                {"QWidget"} if self._guess else set()
            )
        return (
            set().union(*(self._attribute(owners, name) for name in names))
            if isWritten or not owners
            else set()
        )

    def _result(
        self, function: str, arguments: list[set[str]], keywords: dict[str | None, set[str]]
    ) -> set[str]:
        if function.startswith("@"):
            return self._ownResult(function[1:], arguments, keywords)
        parent, _, last = function.rpartition(".")
        if function.endswith("childWidgetVariables") or function == FORM:
            return {FORM}
        if function[0] in "'?" or last in CONTENT:
            return {function}
        if (
            VTK_CLASS.fullmatch(last)
            or VTK_CLASS.fullmatch(parent.rpartition(".")[2])
            or PLAIN.search(function)
        ):
            return set()
        if CLASS.fullmatch(last) and not parent.startswith(OBJECTS):
            return {function}
        return set() if CAPITALIZED.fullmatch(last) else {f"{function}()"}

    def _ownResult(
        self, path: str, arguments: list[set[str]], keywords: dict[str | None, set[str]]
    ) -> set[str]:
        """Of a function what it returns, of a class an object; the arguments are known inside from now on."""
        isClass = f"{path}:bases" in self._facts or f"{path}.__init__:arguments" in self._facts
        inside = f"{path}.__init__" if isClass else path
        for place, _, argument in (
            entry.partition(":") for entry in self._facts.get(f"{inside}:arguments", set())
        ):
            given = arguments[int(place)] if int(place) < len(arguments) else keywords.get(argument, set())
            self._facts[f"{inside}.{argument}"] |= _unplaced(given)
        return {f"@{path}"} if isClass else set(self._facts.get(f"{path}()", set()))
