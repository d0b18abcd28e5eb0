"""Every error code that the core can report is one of Greengrass's, so that its type is known."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import greendock
from greendock.base.error_codes import ERROR_TYPES, error_stack, error_types


def reported(path: Path) -> Iterator[str]:
    """The texts in `codes=…` arguments and `default_codes` of a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "codes":
            yield from texts(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            if names & {"default_codes", "_CODES"} and "error_codes" not in path.name:
                yield from texts(node.value)


def texts(node: ast.AST | None) -> Iterator[str]:
    for inner in ast.walk(node) if node is not None else ():
        text = inner.value if isinstance(inner, ast.Constant) else None
        if isinstance(text, str) and text.isupper() and "_" in text:
            yield text


def test_every_code_has_a_type() -> None:
    modules = Path(greendock.__file__).parent.rglob("*.py")
    found = {code for module in modules for code in reported(module)}
    assert len(found) > 30
    assert found - ERROR_TYPES.keys() == set()


def test_a_stack_has_each_code_once_and_types_follow_it() -> None:
    stack = error_stack(["IO_ERROR", "DISK_SPACE_CRITICAL", "IO_ERROR", "DOCKER_ERROR"])
    assert stack == ["DEPLOYMENT_FAILURE", "IO_ERROR", "DISK_SPACE_CRITICAL", "DOCKER_ERROR"]
    assert error_types(stack) == ["DEVICE_ERROR", "DEPENDENCY_ERROR"]
