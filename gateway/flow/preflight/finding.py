"""What a person should look at in a data set before a run, the gravest first; counts, never values."""

from __future__ import annotations

from gateway import identifier
from gateway.flow.preflight.asked import Asked
from gateway.flow.preflight.fit import HALF, mixed
from gateway.flow.preflight.found import CheckedKey, DatasetCheck, Finding

MANY = 0.05
PLACEHOLDER = 50
"""Customers with one value: more than any household has."""


def findings_of(check: DatasetCheck, asked: Asked) -> tuple[Finding, ...]:
    """Return what stands out."""
    found = []
    if not asked.keys:
        text = (
            "no column was looked at: name an agreement, or declare what columns hold (assent dataset add --identifier)"
        )
        found.append(Finding("NO_IDENTIFIERS", text))
    if asked.unfit is not None:
        found.append(Finding("MATCH_KEY_MISMATCH", f"{asked.unfit[1]}; bind a column of the agreed form and hash"))
    for key, wanted in zip(check.keys, asked.keys, strict=True):
        digests = wanted.content.digests is not None if wanted.content else bool(wanted.key.hash)
        found += _of_key(key, identifier.expected(wanted.key, digests))
    nobody: dict[tuple[str, str, str], list[str]] = {}
    for use in check.uses:
        if check.subjects and not use.eligible:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in use.denied.items())
            nobody.setdefault((use.side.lower(), use.purpose, reasons), []).append(use.operation)
    for (side, purpose, reasons), operations in nobody.items():
        told = f"{', '.join(operations)} as {side} for {purpose}"
        text = f"{told}: consent lets in none of {check.subjects:,} customers ({reasons})"
        found.append(Finding("NOBODY_ELIGIBLE", text))
    for part in check.parts:
        where = f" of part {part.name}" if part.name else ""
        for reason, rows in part.rejected.items():
            if reason == "UNLINKED":
                found.append(
                    Finding(
                        reason, f"{rows.count:,} rows{where} have ids that the identity map does not know; import them"
                    )
                )
            elif rows.count > MANY * part.rows:
                found.append(
                    Finding("MANY_REJECTED", f"{rows.count:,} of {part.rows:,} rows{where} cannot be used: {reason}")
                )
    if check.conflicting_subjects:
        found.append(
            Finding(
                "CONFLICTING_ROWS",
                f"{check.conflicting_subjects:,} customers have rows with different match keys; runs leave them out",
            )
        )
    return tuple(found)


def _of_key(key: CheckedKey, shape: str | None) -> list[Finding]:
    found, seen = [], sum(key.shapes.values())
    others = key.unlike
    if seen and sum(others.values()) > HALF * seen:
        name, count = max(others.items(), key=lambda other: other[1])
        found.append(
            Finding(
                "OTHER_FORM",
                f"{count:,} of {seen:,} values of column {key.column} look like {name}, where {shape} is read; "
                "bind another column, declare what this one holds, or agree on its form",
            )
        )
    elif mixed(others):
        told = ", ".join(f"{count:,} {name}" for name, count in others.items())
        found.append(
            Finding("MIXED_FORMS", f"column {key.column} holds values of several forms: {told} beside {shape}")
        )
    if key.values.most >= PLACEHOLDER:
        found.append(
            Finding(
                "PLACEHOLDER",
                f"one value of column {key.column} stands with {key.values.most:,} customers; empty it in the source",
            )
        )
    return found
