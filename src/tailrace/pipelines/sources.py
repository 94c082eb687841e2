"""A look at the Python modules that programs name, without running any of their code.

What a decorator says of topics is what the graph needs where the file is silent; a file is checked and drawn
on machines that could not import its modules.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_SOURCE_BYTES = 4 * 1024 * 1024
_DECORATORS = ("on", "every", "task")
_KEYS = frozenset({"from", "to", "group", "start", "format"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Declared:
    """What the decorators of a function, or of all functions of an App, say in plain texts."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    group: str | None = None
    keys: frozenset[str] = frozenset()
    """What they say at all, by the keys of a pipeline's file."""


class Source:
    """A module's text as a tree."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree

    @property
    def names(self) -> set[str] | None:
        """The names that the module has at its top; None if that shows only when it runs."""
        names: set[str] = set()
        for node in _top(self._tree.body):
            found = _names(node)
            if found is None:
                return None
            names |= found
        return None if "__getattr__" in names else names

    def bare(self, name: str) -> bool:
        """Whether a name is a function that no App knows: it has no decorator, and nothing else uses it."""
        functions = [one for one in _top(self._tree.body) if isinstance(one, _Function) and one.name == name]
        used = any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(self._tree))
        return bool(functions) and not used and not any(one.decorator_list for one in functions)

    def kinds(self, name: str) -> frozenset[str]:
        """Which of an App's decorators a function has; none for an App itself."""
        return frozenset(
            decorator.attr
            for function in _top(self._tree.body)
            if isinstance(function, _Function) and function.name == name
            for decorator in map(_called, function.decorator_list)
            if isinstance(decorator, ast.Attribute) and decorator.attr in _DECORATORS
        )

    def hung_on(self, app: str, kind: str) -> Mapping[str, str | None]:
        """The functions with such a decorator of an App, and their groups; None is not in plain text."""
        found: dict[str, str | None] = {}
        for function in _top(self._tree.body):
            if isinstance(function, _Function) and function.name != app:
                for call in _decorations(function, app):
                    if _attribute(call) == kind:
                        named = any(word.arg in {"group", None} for word in call.keywords)
                        found[function.name] = next(iter(_keyword(call, "group")), None if named else "")
        return found

    def declared(self, name: str) -> Declared:
        """What the decorators of a function say; of all that hang on it, where the name is an App's."""
        reads: list[str] = []
        writes: list[str] = []
        keys = {"from", "format"}
        group = None
        for function in _top(self._tree.body):
            if isinstance(function, _Function):
                for call in _decorations(function, name):
                    words = call.args if _attribute(call) == "on" else []
                    reads += [topic for word in words for topic in _texts(word)]
                    writes += _keyword(call, "to")
                    group = next(iter(_keyword(call, "group")), None) if function.name == name else None
                    # Of a whole App each handler has its own, and its own defaults.
                    keys |= {str(word.arg) for word in call.keywords} if function.name == name else _KEYS
        return Declared(tuple(dict.fromkeys(reads)), tuple(dict.fromkeys(writes)), group, _KEYS & keys)


def find_source(module: str, folder: Path) -> Source | str:
    """A module's source, or why it cannot be looked at; "" where it exists in a form without source."""
    file = _in_folder(module, folder) or _installed(module)
    if not isinstance(file, Path):
        return file
    try:
        if file.stat().st_size > MAX_SOURCE_BYTES:
            return ""
        return Source(ast.parse(file.read_bytes(), str(file)))
    except SyntaxError as error:
        return f"{file.name}, line {error.lineno}: {error.msg}"
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        return f"{file.name}: {error}"


def _in_folder(module: str, folder: Path) -> Path | None:
    path = folder.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((one for one in candidates if one.is_file()), None)


def _installed(module: str) -> Path | str:
    """Found as an import would, but a package above it is not run: only the outermost name is looked up."""
    top, _, below = module.partition(".")
    try:
        spec = importlib.util.find_spec(top) if top not in sys.modules else sys.modules[top].__spec__
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return "there is no such module"
    if not below:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else ""
    folders = spec.submodule_search_locations or []
    return next(filter(None, (_in_folder(below, Path(one)) for one in folders)), "there is no such module")


def _top(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module's top, those under its ifs and tries too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _top(node.body)
            yield from _top(getattr(node, "orelse", []))
            yield from _top(getattr(node, "finalbody", []))
            for handler in getattr(node, "handlers", []):
                yield from _top(handler.body)


def _names(node: ast.stmt) -> set[str] | None:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Import() | ast.ImportFrom():
            bound = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            return None if "*" in bound else bound
        case ast.Assign() | ast.AnnAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return set()


def _decorations(function: _Function, name: str) -> Iterator[ast.Call]:
    for call in function.decorator_list:
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and _attribute(call) in _DECORATORS
        ):
            app = call.func.value
            if function.name == name or (isinstance(app, ast.Name) and app.id == name):
                yield call


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _attribute(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _keyword(call: ast.Call, name: str) -> Sequence[str]:
    return [text for word in call.keywords if word.arg == name for text in _texts(word.value)]


def _texts(node: ast.expr) -> Sequence[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    items = node.elts if isinstance(node, ast.List | ast.Tuple) else []
    return [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
