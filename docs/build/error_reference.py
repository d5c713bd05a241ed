"""Writes docs/errors.md: every reason in src/handler, what it means, and what to do.

A reason is a text that a failure is raised with, or a problem of the properties, which is yielded
or given to `refuse`.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from support.templates import PROJECT

PAGE = PROJECT / "docs" / "errors.md"
HANDLER = PROJECT / "src" / "handler"
MEANINGS: dict[str, dict[str, str]] = yaml.safe_load(
    (PROJECT / "docs" / "build" / "errors.yaml").read_text()
)
ADVICE = MEANINGS.pop("advice")
# Where a problem that is yielded becomes a sentence of InvalidPropertiesError.
_PROBLEM_ROOMS = ("model", "policies", "properties")
_PROBLEMS = "InvalidPropertiesError"
# Its texts have no failure of their own.
_ANY = "reason"
# Functions whose texts are put into those of a failure.
_PARTS = {"misfit": "StackRefusedError", "_misfit_of": "StackRefusedError"}


@dataclass(frozen=True, order=True)
class Reason:
    """A text with `…` for what is filled in, and the failure that it belongs to."""

    failure: str
    text: str


def reasons(directory: Path = HANDLER) -> list[Reason]:
    """All that the code may say, sorted."""
    trees = {path: ast.parse(path.read_text()) for path in sorted(directory.rglob("*.py"))}
    own = {reason for tree in trees.values() for reason in _of_classes(tree)}
    raised = {reason for tree in trees.values() for reason in _of_raises(tree)}
    # What such a failure is raised with is a part of its text.
    with_own_text = {reason.failure for reason in own}
    raised = {reason for reason in raised if reason.failure not in with_own_text}
    problems = {reason for tree in trees.values() for reason in _of_refusals(tree)} | {
        reason
        for path, tree in trees.items()
        if path.relative_to(directory).parts[0] in _PROBLEM_ROOMS
        for reason in _of_problems(tree)
    }
    return sorted(own | raised | problems)


def bases(directory: Path = HANDLER) -> dict[str, str]:
    """The class that each failure is a kind of."""
    return {
        node.name: ast.unparse(node.bases[0])
        for path in directory.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and node.bases
    }


def meaning_of(failure: str, known: dict[str, str]) -> str | None:
    """The failure itself, or the nearest that it is a kind of, that has a meaning."""
    while failure not in MEANINGS:
        if failure not in known:
            return None
        failure = known[failure]
    return failure


def page() -> str:
    """The whole page; raises KeyError for a failure that has no meaning."""
    known = bases()
    texts: dict[str, list[str]] = {failure: [] for failure in MEANINGS}
    for reason in reasons():
        if (meant := meaning_of(reason.failure, known)) is None:
            raise KeyError(f"{reason.failure} has no meaning in {__name__}: {reason.text}")
        texts[meant].append(reason.text)
    parts = [_section(failure, found) for failure, found in texts.items() if found]
    return "\n\n".join([_HEAD, *parts]) + "\n"


_HEAD = """# What each reason means

This page is for whoever reads a failure in CloudFormation or in the log, and wants to know
what to do. It lists every reason, as the code has it; `…` stands for a value that is filled
in. `make docs` writes the page. [operations.md](operations.md) says what else to do."""


def _section(failure: str, texts: list[str]) -> str:
    meaning = MEANINGS[failure]
    says = [f"**It means:** {meaning['means']}", f"**Do:** {meaning['do']}"]
    lines = [f"- `{text}`{_advice(text)}" for text in texts]
    return "\n\n".join([f"## {meaning['title']}", *says, "\n".join(lines)])


def _advice(text: str) -> str:
    return next((f" {advice}" for part, advice in ADVICE.items() if part in text), "")


def _of_classes(tree: ast.Module) -> Iterator[Reason]:
    """The texts that failures have by themselves."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
            for call in ast.walk(node):
                yield from (Reason(node.name, text) for text in _init_texts(call))


def _of_raises(tree: ast.Module) -> Iterator[Reason]:
    """The texts that failures are raised with, and those of what nobody foresaw."""
    functions = _functions(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id=failure), args=[argument, *_])):
                if failure.endswith("Error"):
                    yield from (Reason(failure, text) for text in _texts(argument, functions))
    for name, failure in ((_ANY, _ANY), *_PARTS.items()):
        if function := functions.get(name):
            yield from (Reason(failure, text) for text in _returned(function, functions) if text)


def _of_problems(tree: ast.Module) -> Iterator[Reason]:
    """The problems of the properties, some of which begin with a name that is put before them."""
    for node in ast.walk(tree):
        match node:
            case ast.Yield(value=ast.expr() as value):
                yield from (Reason(_PROBLEMS, text) for text in _texts(value, _functions(tree)))


def _of_refusals(tree: ast.Module) -> Iterator[Reason]:
    """The problems that `refuse` is given one by one."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="refuse"), args=[ast.GeneratorExp(elt=problem)]):
                yield from (Reason(_PROBLEMS, text) for text in _texts(problem, _functions(tree)))


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _init_texts(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Attribute(attr="__init__"), args=[argument, *_]):
            yield from _texts(argument, {})


def _texts(node: ast.expr, functions: dict[str, ast.FunctionDef]) -> Iterator[str]:
    """The texts that an expression may be: its own, or what a function of the module returns."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts
            )
            yield re.sub("…+", "…", text)
        case ast.Call(func=ast.Name(id=name)) if name in functions:
            yield from _returned(functions[name], functions)


def _returned(function: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value:
            yield from _texts(node.value, functions)


if __name__ == "__main__":
    PAGE.write_text(page())
