"""The rule stays short enough to be read in one sitting."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import consent

RULE = ("evaluate", "standing", "hold", "grant", "rights")
"""Every step of `may_use`, and its two other questions. Apart from it: the types (`question`, `finding`, registries)
and what the rule looks at, which decides nothing (`matter`, `history`)."""

LONGEST = 400  # lines of code, imports among them; without blank lines, comments and documentation
LONGEST_STEP = 40  # statements

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def source(name: str) -> str:
    return (Path(consent.__file__).parent / f"{name}.py").read_text(encoding="utf-8")


def is_documentation(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def code_lines(text: str) -> int:
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if is_documentation(node):
            documentation.update(range(node.lineno, node.end_lineno + 1))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {line for one in tokens if one.type not in _LAYOUT for line in range(one.start[0], one.end[0] + 1)}
    return len(lines - documentation)


def statements(node: ast.AST) -> int:
    return sum(isinstance(inner, ast.stmt) and not is_documentation(inner) for inner in ast.walk(node))


def test_lines_are_counted():
    assert code_lines('"""Said."""\n\nimport os  # why\n\n# apart\nx = (\n    """not\n    said""",\n)\n') == 5


def test_the_rule_is_short():
    assert sum(code_lines(source(name)) for name in RULE) < LONGEST


def test_no_step_is_long():
    steps = [node for name in RULE for node in ast.walk(ast.parse(source(name))) if isinstance(node, ast.FunctionDef)]
    assert max(map(statements, steps)) <= LONGEST_STEP
