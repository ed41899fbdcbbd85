"""The terms of statistics: segments, smallest group, noise, budgets, encryption, measures.

Every field is there and no other, as everywhere in the document: what protects
people is written out before anybody signs, also where it is NONE.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from gateway.agreement.count_noise import count_delta, least_t
from gateway.agreement.measure import epsilon, measures
from gateway.agreement.record import Record
from gateway.route.agreement import AggregateTerms, Column, LateWithdrawals, Noise, Scheme, Statistic

FIELD = "aggregate"

MAX_SEGMENTS = 512
MINIMUM_COHORT = (20, 1_000_000)  # people; the floor stands whatever two parties would sign
MAX_COUNT_STEP = 1000
MAX_T = 10_000  # 2t dummies per segment travel in every run
MAX_DELTA = Decimal("0.001")
MAX_EPSILON_CAP = Decimal(1000)
MAX_PERIOD_DAYS = 366
MAX_CELLS = 1_000_000

KEY_BITS = 3072
LEGACY_KEY_BITS = 2048
SCHEMES = ("paillier",)
MODES = ("short_exponent", "exact")

_WORD = re.compile(r"[a-z0-9_]{1,40}")
_DELTA = re.compile(r"(?:0|1)(?:\.[0-9]{1,18})?")
_CAP = re.compile(r"(?:0|[1-9][0-9]{0,3})(?:\.[0-9]{1,6})?")


def aggregate_terms(fields: Record, columns: Sequence[Column]) -> AggregateTerms | None:
    """Read the field `aggregate`: null, or the terms.

    Args:
        fields: the document.
        columns: the agreement's columns.

    Raises:
        RequestError: BAD_FIELD with the path of the first wrong field.
    """
    if fields.value(FIELD) is None:
        return None
    entry = fields.record(FIELD)
    dummies, noise = entry.choice("dummies", Noise), entry.choice("noise", Noise)
    epsilon_count = epsilon(entry, "epsilon_count", dummies)
    delta = _delta(entry, dummies)
    terms = AggregateTerms(
        segments=entry.integer("segments", 1, MAX_SEGMENTS),
        minimum_cohort=entry.integer("minimum_cohort", *MINIMUM_COHORT),
        count_step=entry.integer("count_step", 1, MAX_COUNT_STEP),
        dummies=dummies,
        noise=noise,
        epsilon_count=epsilon_count,
        t=_t(entry, dummies, epsilon_count, delta),
        epsilon_receiver=epsilon(entry, "epsilon_receiver", dummies),
        delta=delta,
        epsilon_cap=_epsilon_cap(entry),
        delta_cap=_delta_cap(entry),
        period_days=entry.integer("period_days", 1, MAX_PERIOD_DAYS),
        cells_per_period=entry.integer("cells_per_period", 1, MAX_CELLS),
        late_withdrawals=entry.choice("late_withdrawals", LateWithdrawals),
        scheme=_scheme(entry.record("scheme")),
        measures=measures(entry, columns, noise),
    )
    entry.close()
    if noise is Noise.NONE and dummies is Noise.LAPLACE:
        _check_hidden_counts(entry, terms)
    return terms


def _check_hidden_counts(entry: Record, terms: AggregateTerms) -> None:
    """Refuse exact counts of rows beside counts that dummies hide: they would say what the dummies are to hide."""
    for row, measure in enumerate(terms.measures):
        if {Statistic.PRESENT, Statistic.SHARE} & {statistic for statistic, _ in measure.epsilon}:
            entry.refuse(
                f"measures[{row}]",
                "counts rows exactly where dummies hide the count; write noise LAPLACE, or dummies NONE",
            )


def _delta(entry: Record, dummies: Noise) -> Decimal:
    value = Decimal(entry.text("delta", _DELTA, "a decimal number as text, e.g. 0.000001"))
    if dummies is Noise.NONE and value:
        entry.refuse("delta", "must be 0: without dummies no count fails to be hidden; write 0, or dummies LAPLACE")
    if dummies is Noise.LAPLACE and not 0 < value <= MAX_DELTA:
        entry.refuse("delta", f"must be greater than 0 and at most {MAX_DELTA}, e.g. 0.000001")
    return value


def _t(entry: Record, dummies: Noise, epsilon_count: Decimal, delta: Decimal) -> int:
    if dummies is Noise.NONE:
        return entry.integer("t", 0, 0)
    least = least_t(epsilon_count, delta)
    if least > MAX_T:
        entry.refuse(
            "epsilon_count", f"would need a t of {least}, above the limit of {MAX_T}; raise epsilon_count or delta"
        )
    t = entry.integer("t", 1, MAX_T)
    if count_delta(epsilon_count, t) > delta:
        entry.refuse("t", f"hides a count worse than delta says; the least t for epsilon_count and delta is {least}")
    return t


def _epsilon_cap(entry: Record) -> Decimal:
    value = Decimal(entry.text("epsilon_cap", _CAP, "a decimal number as text, e.g. 20"))
    if not 0 < value <= MAX_EPSILON_CAP:
        entry.refuse("epsilon_cap", f"must be greater than 0 and at most {MAX_EPSILON_CAP}")
    return value


def _delta_cap(entry: Record) -> Decimal:
    value = Decimal(entry.text("delta_cap", _DELTA, "a decimal number as text, e.g. 0.001"))
    if not 0 < value < 1:
        entry.refuse("delta_cap", "must be greater than 0 and less than 1")
    return value


def _scheme(entry: Record) -> Scheme:
    name = entry.text("name", _WORD, "the name of a scheme")
    if name not in SCHEMES:
        entry.refuse("name", "names a scheme that this release does not support; agree on paillier")
    legacy = entry.flag("legacy") if entry.has("legacy") else False
    bits = entry.integer("key_bits", 0, 1 << 16)
    if bits == LEGACY_KEY_BITS and not legacy:
        entry.refuse("key_bits", f"is {bits}, which needs the field legacy to be true; agree on {KEY_BITS}")
    if bits == KEY_BITS and legacy:
        entry.refuse("legacy", f"stands for keys of {LEGACY_KEY_BITS} bits only; leave it out")
    if bits not in (KEY_BITS, LEGACY_KEY_BITS):
        entry.refuse("key_bits", f"must be {KEY_BITS}, or {LEGACY_KEY_BITS} where legacy is true")
    mode = entry.text("mode", _WORD, "short_exponent or exact")
    if mode not in MODES:
        entry.refuse("mode", "must be short_exponent or exact")
    entry.close()
    return Scheme(name, bits, mode)
