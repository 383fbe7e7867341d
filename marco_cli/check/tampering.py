"""Code that reaches for its own judge: passing its tests then proves nothing.

In: the source of a reply and its tests. Out: what is suspicious about it, "" if nothing is. The code is parsed and never run here. A
sandbox keeps code from getting out; this keeps it from being called right because it redefined what its tests use, says itself what is
equal, ended the program early or looked for the harness. It errs on the safe side: a reply that needs such means is not called wrong.
"""

import ast
import builtins
import importlib
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Final

LONGEST: Final = 100_000
"""Characters of a source that is looked at."""

_BUILTINS: Final = frozenset(dir(builtins))
_REACHING: Final = frozenset(
    {
        "_exit", "exit", "quit", "abort", "SystemExit", "KeyboardInterrupt", "BaseException", "eval", "exec", "compile", "globals", "locals", "vars",
        "setattr", "delattr", "getattr", "breakpoint", "input", "memoryview", "attrgetter", "methodcaller", "_getframe", "currentframe", "modules",
        "settrace", "setprofile", "f_globals", "f_locals", "f_back", "f_builtins", "gi_frame", "ag_frame", "tb_frame", "cr_frame", "mro",
        "make_dataclass", "EnumMeta", "EnumType", "global_enum", "update_wrapper", "get_type_hints", "ForwardRef", "evaluate_forward_ref",
        "Formatter", "format_map",
    }
)  # fmt: skip
"""Names that lead to what a judge is made of, or to functions that take names, or code, as text."""
MODULES: Final = frozenset(
    {
        "abc", "array", "bisect", "calendar", "cmath", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
        "hashlib", "heapq", "itertools", "json", "math", "numbers", "operator", "queue", "random", "re", "statistics", "string", "struct", "textwrap",
        "time", "typing", "typing_extensions", "unicodedata", "__future__", "sys",
    }
)  # fmt: skip
"""What code may import without suspicion."""
_OF_SYS: Final = frozenset({"maxsize", "setrecursionlimit", "float_info", "int_info"})
_OWN: Final = frozenset(
    f"__{name}__"
    for name in (
        "init", "post_init", "str", "repr", "iter", "next", "enter", "exit", "getitem", "setitem", "delitem", "missing", "reversed",
        "add", "radd", "iadd", "mul", "rmul", "neg",
    )
)  # fmt: skip
"""Methods that code may define: the others are asked when results are compared, tell what an object is, or see all that is done to it."""
_HARMLESS: Final = frozenset(
    {"__name__", "__main__", "__init__", "__doc__", "__str__", "__repr__", "__iter__", "__next__", "__post_init__"}
)
_DUNDER: Final = re.compile(r"__\w+__")


def parses(source: str) -> bool:
    """Say whether a source is Python."""
    try:
        ast.parse(source[: LONGEST + 1])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def suspicion(code: str, tests: str) -> str:
    """Return what speaks against believing the tests, as the end of "the code …"."""
    if len(code) > LONGEST:
        return "is too long to be looked at"
    if not parses(code):
        return "cannot be parsed"
    try:
        return next(_suspicions(ast.parse(code), tests), "")
    except RecursionError:
        return "is nested too deeply"


def _suspicions(tree: ast.Module, tests: str) -> Iterator[str]:
    used = set(re.findall(r"\w+", tests)) & _BUILTINS
    for name in sorted(set(_bound(tree.body)) | set(_global(tree))):
        if name in used:
            yield f"redefines {name}, which its tests use"
    yield from _of_modules(tree)
    for node in ast.walk(tree):
        yield from _of_node(node, tests)
    yield from _of_metaclasses(tree)


def _of_node(node: ast.AST, tests: str) -> Iterator[str]:
    match node:
        case ast.Import() | ast.ImportFrom():
            yield from _of_import(node)
        case ast.Attribute(value=ast.Name(id="re"), attr="compile"):
            pass
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in _REACHING or _is_special(name):
            yield f"reaches for {name}"
        case ast.Attribute(attr="format", value=value) if not isinstance(value, ast.Constant):
            yield "formats by a text of its own"
        case ast.keyword(arg=str(name)) if _is_special(name):
            yield "spells a special name"
        case ast.Constant(value=str(text)) if any(map(_is_special, _DUNDER.findall(text))) and not _is_docstring(text):
            yield "spells a special name"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name in _REACHING or _is_special(name):
            yield from [f"defines {name}"] * (name not in _OWN and name not in tests)
        case ast.Call(func=ast.Attribute(attr="wraps") | ast.Name(id="wraps"), args=args, keywords=names):
            yield from ["copies attributes by name"] * (len(args) != 1 or bool(names))
        case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
            yield from _of_annotation(annotation)


def _of_metaclasses(tree: ast.Module) -> Iterator[str]:
    """Yield what may make a class by a call: `type`, which may be asked what a value is, and `ABCMeta`, which a class may have."""
    asked: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                asked |= set(map(id, (node.left, *node.comparators)))
            case ast.Attribute(value=value) | ast.FormattedValue(value=value):
                asked.add(id(value))
            case ast.Call(func=ast.Name(id="print" | "str" | "repr" | "isinstance" | "issubclass")):
                asked |= set(map(id, node.args))
            case ast.ClassDef():
                asked |= {id(each.value) for each in node.keywords if each.arg == "metaclass"}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="type") as name, args=[_]) if id(node) in asked:
                asked.add(id(name))
    for node in ast.walk(tree):
        match node:
            case ast.Name(id="type" | "ABCMeta") | ast.Attribute(attr="ABCMeta") if id(node) not in asked:
                yield "makes classes as it runs"


def _of_import(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (f"imports {each.name}" for each in node.names if each.name.partition(".")[0] not in MODULES)
        return
    module = node.module or ""
    for each in node.names:
        is_open = module.partition(".")[0] in MODULES and (module != "sys" or each.name in _OF_SYS)
        is_hidden = each.asname is not None and each.name in ("ABCMeta", "wraps")
        if not is_open or each.name in _REACHING or is_hidden or _is_inner(module, each.name):
            yield f"imports {each.name} from {module}"


def _of_modules(tree: ast.Module) -> Iterator[str]:
    """Yield what is done to modules but to read their public names."""
    names = {alias for node in ast.walk(tree) for alias in _imported(node)}
    modules = {
        each.asname or each.name.partition(".")[0]: each.name if each.asname else each.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for each in node.names
    }
    read = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name in modules and id(node) not in read:
                yield f"hands the module {name} on"
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in modules:
                if (name == "sys" and attribute not in _OF_SYS) or _is_inner(modules[name], attribute):
                    yield f"reaches for {attribute}"
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and _root(node) in names:
            yield f"changes {_root(node)}, which is not its own"


def _is_inner(module: str, name: str) -> bool:
    """Say whether a name of a module is not meant for others: a private one, or a module that it has imported."""
    if name.startswith("_") and module != "__future__":
        return True
    if module.partition(".")[0] not in MODULES:
        return False
    try:
        value = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return False
    return isinstance(value, ModuleType) and not value.__name__.startswith(f"{module}.")


def _root(node: ast.expr) -> str:
    """Return the leftmost name of attributes and items (`a` of `a.b[0].c`), "" without one."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _of_annotation(annotation: ast.expr) -> Iterator[str]:
    texts = (each.value for each in ast.walk(annotation) if isinstance(each, ast.Constant))
    if any(isinstance(text, str) and "(" in text for text in texts):
        yield "has code in an annotation"


def _is_special(name: str) -> bool:
    return name.startswith("__") and name not in _HARMLESS


def _is_docstring(text: str) -> bool:
    return "\n" in text and " " in text


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind where they stand, what functions and classes bind within themselves aside."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
            for outside in _outside(statement):
                yield from _names_bound(outside)
        else:
            yield from _names_bound(statement)


def _outside(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.expr]:
    """Return what of a definition is worked out where it stands."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(each.value for each in node.keywords)]
    defaults = [each for each in (*node.args.defaults, *node.args.kw_defaults) if each is not None]
    annotations = [each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg) and each.annotation]
    return [*node.decorator_list, *defaults, *annotations, *([node.returns] if node.returns else [])]


def _names_bound(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name
            case _:
                yield from _imported(node)


def _global(tree: ast.Module) -> Iterator[str]:
    """Yield the names that functions bind outside of themselves."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
