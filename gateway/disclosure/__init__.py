"""Decides what may leave a run; the only maker of a `Release`."""

from gateway.disclosure.account import Planned, charges
from gateway.disclosure.aggregate import release_aggregate
from gateway.disclosure.cells import CELLS
from gateway.disclosure.laplace import bound, dummy_delta
from gateway.disclosure.lift import compare
from gateway.disclosure.rows import release_rows
from gateway.disclosure.rule import Rule, Verdict, rule_of, stricter, verdict
from gateway.disclosure.sampler import Sampler, sampler

__all__ = [
    "CELLS",
    "Planned",
    "Rule",
    "Sampler",
    "Verdict",
    "bound",
    "charges",
    "compare",
    "dummy_delta",
    "release_aggregate",
    "release_rows",
    "rule_of",
    "sampler",
    "stricter",
    "verdict",
]
