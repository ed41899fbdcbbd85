"""Decides what may leave a run; the only maker of a `Release`."""

from gateway.disclosure.account import Planned, charges
from gateway.disclosure.aggregate import release_aggregate, release_cells
from gateway.disclosure.cells import CELLS
from gateway.disclosure.laplace import bound
from gateway.disclosure.lift import compare
from gateway.disclosure.rows import release_rows
from gateway.disclosure.rule import Rule, Verdict, rule_of, stricter, verdict
from gateway.disclosure.sampler import Sampler, sampler
from gateway.disclosure.sketch import Difference, difference, near, sketch

__all__ = [
    "CELLS",
    "Difference",
    "Planned",
    "Rule",
    "Sampler",
    "Verdict",
    "bound",
    "charges",
    "compare",
    "difference",
    "near",
    "release_aggregate",
    "release_cells",
    "release_rows",
    "rule_of",
    "sampler",
    "sketch",
    "stricter",
    "verdict",
]
