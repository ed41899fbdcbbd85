"""What a sample of the data set and the sizes of a run say about whether it would go well."""

from __future__ import annotations

from collections.abc import Mapping

from gateway import identifier
from gateway.flow.preflight.asked import Asked
from gateway.flow.preflight.forecast import Forecast
from gateway.flow.preflight.sample import Sample
from gateway.flow.preflight.verdict import Check, fine, no, warning
from gateway.flow.segment import minimum_cohort
from gateway.route.job import AuthorizedJob

HALF = 0.5


def sample_checks(asked: Asked, sample: Sample) -> list[Check]:
    """Return what a little reading says of forms, links and consent."""
    checks = [_form(asked, sample, number) for number in range(len(asked.keys))]
    if sample.linked < 1:
        text = f"the identity map knows {100 * sample.linked:.1f} % of the ids; the others are left out"
        checks.append(warning("links", "UNLINKED", text))
    told = f"{100 * sample.eligible:.1f} % of {sample.asked:,} customers asked about are let in now"
    if sample.eligible:
        checks.append(fine("consent", told))
    else:
        reasons = ", ".join(sample.denied)
        checks.append(warning("consent", next(iter(sample.denied), "NO_CONSENT"), f"{told}: {reasons}"))
    return checks


def _form(asked: Asked, sample: Sample, number: int) -> Check:
    """Compare what values look like with what is read: a silent mismatch of forms is the commonest loss."""
    wanted, shapes = asked.keys[number], sample.shapes[number]
    usable = sample.usable_keys[number] / sample.keyed[number]
    digests = wanted.content.digests is not None if wanted.content else bool(wanted.key.hash)
    shape = identifier.expected(wanted.key, digests)
    seen = sum(shapes.values())
    name = f"form of {wanted.key.name}"
    told = ", ".join(f"{100 * count / seen:.0f} % {what}" for what, count in shapes.items())
    unlike = sample.unlike[number]
    if seen and sum(unlike.values()) > HALF * seen:
        return no(
            name,
            "MATCH_KEY_MISMATCH",
            f"values of column {wanted.column} look like {told}, where {shape} is read: bind another column, declare "
            "what this one holds (assent dataset add --identifier), or agree on its form",
        )
    if usable >= HALF and mixed(unlike):
        text = f"column {wanted.column} holds values of several forms, {100 * usable:.1f} % usable: {told}"
        return warning(name, "MIXED_FORMS", f"{text}; assent dataset check says which rows")
    if usable < HALF:
        text = f"{100 * usable:.0f} % of the values of column {wanted.column} are usable; assent dataset check says why"
        return warning(name, "BAD_MATCH_KEY", text)
    return fine(name, f"{100 * usable:.1f} % usable, {told}")


def mixed(unlike: Mapping[str, int]) -> bool:
    """Return whether digests stand among values that are read as something else."""
    return any(name.startswith(("md5", "sha256")) for name in unlike)


def size_checks(job: AuthorizedJob, own: int, partner: int, forecast: Forecast, free_bytes: int) -> list[Check]:
    """Return whether a run keeps within its caps, its life and this machine's disk."""
    caps, checks = job.agreement.caps, []
    for name, rows, cap in (("our_rows", own, caps.rows_receiver), ("partner_rows", partner, caps.rows_sender)):
        told = f"{rows:,} of {cap:,} agreed"
        checks.append(fine(name, told) if rows <= cap else no(name, "SIZE_OVER_CAP", f"{told}; agree on a larger cap"))
    if forecast.wall_s > job.agreement.session_life_s:
        checks.append(no("session_life", "STAGE_ORDER", "the run takes longer than the agreed life of a session"))
    need = f"{forecast.spool_bytes / 1e6:,.0f} MB of {free_bytes / 1e6:,.0f} MB free"
    if forecast.spool_bytes > free_bytes:
        checks.append(no("spool", "DISK_FULL", f"{need}; the run would wait for disk"))
    else:
        checks.append(fine("spool", need))
    return checks


def cohort_check(job: AuthorizedJob, own: int) -> Check:
    """Return whether there are customers enough for the smallest cell; segments themselves are told by the run."""
    least = minimum_cohort(job)
    if own < least:
        return no("minimum_cohort", "COHORT_TOO_SMALL", f"{own:,} customers; a cell needs {least:,}")
    return fine("minimum_cohort", f"a segment of fewer than {least:,} customers is left out")
