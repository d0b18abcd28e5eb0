"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"
FILE_LINES = 400
FUNCTION_LINES = 40
# "package/module.py" or "package/module.py:function" -> why it is one piece.
EXCEPTIONS: dict[str, str] = {
    "greendock/cli/commands/logs.py:_add_get": "declares the options of one command, no logic",
    "greendock/cli/deployment_options.py:add_request_options": "declares options, no logic",
}

FILES = sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef, text: list[str]) -> int:
    """Lines of the function that hold code: no docstring, no blank lines, no comments."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    if not body:
        return 0
    head = range(function.lineno, function.body[0].lineno)
    rest = range(body[0].lineno, (function.end_lineno or 0) + 1)
    lines = (text[number - 1].strip() for number in (*head, *rest))
    return sum(1 for line in lines if line and not line.startswith("#"))


def long_functions(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(ast.parse("\n".join(text))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = code_lines(node, text)
            if length > FUNCTION_LINES:
                yield f"{name_of(path)}:{node.name} ({length} lines)"


def long_things() -> set[str]:
    """What is too long, in the form of `EXCEPTIONS`, with its length behind it."""
    lengths = ((path, len(path.read_text(encoding="utf-8").splitlines())) for path in FILES)
    files = {f"{name_of(path)} ({n} lines)" for path, n in lengths if n > FILE_LINES}
    return files | {found for path in FILES for found in long_functions(path)}


def test_files_and_functions_are_short():
    assert {x for x in long_things() if x.split(" ")[0] not in EXCEPTIONS} == set()


def test_every_exception_is_still_one():
    assert set(EXCEPTIONS) <= {x.split(" ")[0] for x in long_things()}


def test_the_measure_counts_code_only():
    text = '''
def example(
    first,
):
    """Says something.

    At length.
    """
    # A reason.

    return first
'''.splitlines()
    function = ast.parse("\n".join(text)).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert code_lines(function, text) == 4
