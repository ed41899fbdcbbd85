"""The types of the two routes are each made in one place, so that no stage can be skipped.

`gateway/store/rows.py` restores what that place made.
"""

from __future__ import annotations

import ast

import pytest

from tests.arch.source_tree import modules

RESTORES = "gateway/store/rows.py"
MAKERS = {
    "Aggregate": ("gateway/psi/",),
    "AuthorizedJob": ("gateway/flow/authorize.py",),
    "ConsentedCohort": ("gateway/flow/cohort.py",),
    "EncryptedAggregate": ("gateway/he/",),
    "Matched": ("gateway/psi/",),
    "MatchedSegments": ("gateway/psi/",),
    "Release": ("gateway/disclosure/",),
}


def _constructed(name: str) -> set[str]:
    """Modules that call the class, under its own name or an alias, or a constructor of it."""
    found = set()
    for module in modules():
        aliases = {name}
        for node in module.nodes:
            if isinstance(node, ast.ImportFrom):
                aliases |= {alias.asname for alias in node.names if alias.name == name and alias.asname}
        for node in module.nodes:
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            if (isinstance(called, ast.Name) and called.id in aliases) or (
                isinstance(called, ast.Attribute) and called.attr == name
            ):
                found.add(module.path)
    return found


def _defined(name: str) -> set[str]:
    return {
        module.path
        for module in modules()
        for node in module.nodes
        if isinstance(node, ast.ClassDef) and node.name == name
    }


@pytest.mark.parametrize(("name", "makers"), MAKERS.items())
def test_made_in_one_place_only(name: str, makers: tuple[str, ...]) -> None:
    made = _constructed(name)
    assert not {path for path in made if not path.startswith((*makers, RESTORES))}
    assert any(path.startswith(makers) for path in made), f"nothing in {makers} makes a {name}"


@pytest.mark.parametrize("name", MAKERS)
def test_defined_once_in_route(name: str) -> None:
    assert [path for path in _defined(name) if path.startswith("gateway/route/")] == list(_defined(name))
    assert len(_defined(name)) == 1
