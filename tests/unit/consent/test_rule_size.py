"""The rule stays short enough to be read in one sitting."""

from __future__ import annotations

import ast
from pathlib import Path

import consent

RULE = ("evaluate", "standing", "hold", "grant", "rights", "matter", "history")
"""`may_use` with its steps, and what it looks at; the types of events and registries apart."""

LONGEST_STEP = 40


def statements(node: ast.AST) -> int:
    """Count what is said: no imports, no documentation."""
    return sum(
        isinstance(inner, ast.stmt)
        and not isinstance(inner, ast.Import | ast.ImportFrom)
        and not (isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant))
        for inner in ast.walk(node)
    )


def trees() -> list[ast.Module]:
    folder = Path(consent.__file__).parent
    return [ast.parse((folder / f"{name}.py").read_text(encoding="utf-8")) for name in RULE]


def test_the_rule_is_short():
    declared = sum(isinstance(inner, ast.AnnAssign) for tree in trees() for inner in ast.walk(tree))
    assert sum(map(statements, trees())) - declared < 400  # without the declared fields of types


def test_no_step_is_long():
    steps = [node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert max(map(statements, steps)) <= LONGEST_STEP
