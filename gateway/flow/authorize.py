"""What the agreement allows: the only maker of an `AuthorizedJob`, for both sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from consent.evaluate import Use
from consent.registry import Registry
from gateway.errors import StateError
from gateway.flow.budget import affordable
from gateway.flow.export import exported, standing_with
from gateway.flow.match_key import mismatch, takes_one
from gateway.flow.ports import House, Transaction
from gateway.flow.registry import load_registry
from gateway.he.paillier import can_generate
from gateway.psi.suite import SUITE
from gateway.route.agreement import (
    Agreement,
    AgreementBinding,
    AgreementCopy,
    AgreementState,
    Direction,
    Operation,
)
from gateway.route.job import AuthorizedJob, Job, JobRequest, Refusal, Side
from gateway.route.party import Partner
from gateway.route.session import SessionOffer

# What consent is asked for: rows are matched by hashes, statistics besides under encryption.
ROW_METHODS = ("psi_hash",)
GROUPED_METHODS = ("psi_hash", "he_aggregate")
MAX_COLUMNS = 3
_SHOWN = 8  # columns that a refusal names


async def authorize_receiver(house: House, tx: Transaction, job: Job) -> AuthorizedJob | Refusal:
    """Check our own request against the agreement, as R."""
    copy = await _copy(tx, job.request.agreement_id)
    if isinstance(copy, Refusal):
        return copy
    return await _authorize(house, tx, copy, job.request, job.job_id, Side.RECEIVER, begun=bool(job.session_id))


async def authorize_sender(
    house: House, tx: Transaction, partner: Partner, offer: SessionOffer, job_id: str, *, begun: bool
) -> AuthorizedJob | Refusal:
    """Check a partner's offer against the agreement, as S; `begun`: the session is open already, and its run counted.

    The order of checks is protocols.md section 1's: agreement and hash, operation,
    purpose, suite, match keys, caps, rates, impact assessment, binding.
    """
    copy = await _copy(tx, offer.agreement_id)
    if isinstance(copy, Refusal):
        return copy
    agreement = copy.agreement
    if partner.card.party not in {party.party for party in agreement.parties}:
        return Refusal("AGREEMENT_UNKNOWN", "no such agreement is held with this partner")
    if agreement.hash != offer.agreement_hash:
        return Refusal("AGREEMENT_HASH_MISMATCH", "the two copies of the agreement differ; compare and sign them anew")
    if offer.suite != agreement.suite or offer.suite != SUITE:
        return Refusal("SUITE_UNSUPPORTED", f"this gateway and agreement speak {agreement.suite}")
    if offer.match_keys != agreement.match_keys:
        return Refusal("MATCH_KEY_MISMATCH", "the match keys are not those of the agreement, in its order")
    if offer.declared_rows > agreement.caps.rows_receiver:
        return Refusal("SIZE_OVER_CAP", f"the agreement allows {agreement.caps.rows_receiver} rows of the receiver")
    request = JobRequest(
        request_id=offer.nonce.hex(),
        agreement_id=offer.agreement_id,
        operation=offer.operation,
        purpose=offer.purpose,
        columns=offer.columns,
        requested_by=partner.card.party,
    )
    return await _authorize(house, tx, copy, request, job_id, Side.SENDER, begun, partner.card.party)


async def _copy(tx: Transaction, agreement_id: str) -> AgreementCopy | Refusal:
    try:
        return await tx.agreements.get(agreement_id)
    except StateError:
        return Refusal("AGREEMENT_UNKNOWN", "no such agreement is held here")


async def _authorize(
    house: House,
    tx: Transaction,
    copy: AgreementCopy,
    request: JobRequest,
    job_id: str,
    side: Side,
    begun: bool,
    other: str | None = None,
) -> AuthorizedJob | Refusal:
    agreement, at = copy.agreement, house.clock.now()
    own = house.custody.party
    direction = direction_of(agreement, request, own, side, other)
    against = in_force(copy, at)
    if against is not None:
        return against
    if isinstance(direction, Refusal):
        return direction
    against = purpose_agreed(agreement, request) or keys_agreed(agreement, direction)
    # Only runs that opened a session count: a refused try used nothing up.
    if against is None and not begun:
        against = await rate_left(tx, agreement, side, at)
    if against is not None:
        return against
    partner = await tx.partners.get(direction.sender if side is Side.RECEIVER else direction.receiver)
    gates, column_gates = gates_for(agreement, direction, request, side)
    registry = await load_registry(tx, house)
    against = await standing(tx, registry, (*gates, *(use for _, use in column_gates)), at)
    if against is not None:
        return against
    binding = await tx.agreements.binding(agreement.agreement_id)
    if binding is None:
        return NOT_BOUND
    unfit = await keys_bound(house, agreement, binding)
    if unfit is not None:
        return unfit
    job = AuthorizedJob(
        job_id=job_id,
        side=side,
        own_party=own,
        partner=partner,
        agreement=agreement,
        direction=direction,
        operation=request.operation,
        purpose=request.purpose,
        columns=request.columns,
        binding=binding,
        gates=gates,
        column_gates=column_gates,
    )
    if job.operation is Operation.AGGREGATE and side is Side.SENDER and not can_generate():
        return Refusal("NOT_READY", "the sender's gateway cannot make keys: its package phe is not installed")
    if job.operation.grouped and not begun:
        return await affordable(tx, job, at) or job
    return job


NOT_BOUND = Refusal("NOT_READY", "the agreement is not bound to a data set yet")


def in_force(copy: AgreementCopy, at: datetime) -> Refusal | None:
    """Refuse what is not signed by both, or not valid at a time."""
    agreement = copy.agreement
    if copy.state is AgreementState.IN_FORCE and agreement.valid_from <= at < agreement.valid_until:
        return None
    return Refusal("AGREEMENT_NOT_IN_FORCE", "the agreement is not signed by both, not valid yet, or over")


def purpose_agreed(agreement: Agreement, request: JobRequest) -> Refusal | None:
    """Refuse a purpose that the agreement does not name."""
    if request.purpose in agreement.purposes:
        return None
    return Refusal("PURPOSE_NOT_AGREED", "the agreement does not name this purpose")


def keys_agreed(agreement: Agreement, direction: Direction) -> Refusal | None:
    """Refuse several match keys where an operation takes one."""
    if len(agreement.match_keys) == 1 or not takes_one(agreement, direction):
        return None
    return Refusal(
        "MATCH_KEY_MISMATCH",
        "several match keys run in MATCH and ENRICH for the receiver alone, without padding, and in statistics without "
        "dummies and noise; agree on one for this",
    )


async def rate_left(tx: Transaction, agreement: Agreement, side: Side, at: datetime) -> Refusal | None:
    """Refuse when the day's runs are used up."""
    runs = await tx.jobs.count_since(agreement.agreement_id, side.value, at - timedelta(days=1))
    if runs < agreement.caps.runs_per_day:
        return None
    return Refusal("RATE_EXCEEDED", f"the agreement allows {agreement.caps.runs_per_day} runs a day")


async def keys_bound(house: House, agreement: Agreement, binding: AgreementBinding) -> Refusal | None:
    """Refuse a data set whose columns cannot serve the agreed match keys."""
    held = await house.datasets.identifiers(binding.dataset)
    unfit = mismatch(binding, held)
    if unfit is None:
        return None
    return Refusal("MATCH_KEY_MISMATCH", f"{unfit[1]}; bind a column of the agreed form and hash")


def gates_of(
    agreement: Agreement, job: Job, own: str
) -> tuple[Direction, tuple[Use, ...], tuple[tuple[str, Use], ...]]:
    """Return what a run asked consent for, also when the agreement is over: direction, gates, gates of columns.

    Raises:
        StateError: NOT_FOUND when the agreement does not name such a run.
    """
    direction = direction_of(agreement, job.request, own, job.side, job.partner)
    if isinstance(direction, Refusal):
        raise StateError("NOT_FOUND", "the agreement of this run does not name its operation; restore a backup")
    return direction, *gates_for(agreement, direction, job.request, job.side)


def direction_of(
    agreement: Agreement, request: JobRequest, own: str, side: Side, other: str | None
) -> Direction | Refusal:
    """Return the agreed direction that a request is of, or refuse it."""
    operation = request.operation
    problem = f"the agreement has no {operation} in this direction"
    for direction in agreement.directions:
        ours = direction.receiver if side is Side.RECEIVER else direction.sender
        theirs = direction.sender if side is Side.RECEIVER else direction.receiver
        if direction.operation is not operation or ours != own or other not in (None, theirs):
            continue
        wanted = request.columns
        if operation in (Operation.MATCH, Operation.OVERLAP):
            fits, problem = not wanted, f"{operation} takes no columns"
        else:
            most = MAX_COLUMNS if operation is Operation.ENRICH else len(direction.columns)
            fits = 0 < len(wanted) <= most and len(set(wanted)) == len(wanted)
            # What was asked for is not repeated: it may be a partner's.
            most = min(most, len(direction.columns))
            problem = f"{operation} takes 1 to {most} of the agreed columns, each once: {_named(direction.columns)}"
        if fits and set(wanted) <= set(direction.columns):
            return direction
    return Refusal("OPERATION_NOT_AGREED", problem)


def _named(columns: Sequence[str]) -> str:
    more = len(columns) - _SHOWN
    return ", ".join(columns[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def gates_for(
    agreement: Agreement, direction: Direction, request: JobRequest, side: Side
) -> tuple[tuple[Use, ...], tuple[tuple[str, Use], ...]]:
    """Return what is asked about everybody, and per column: both sides gate their own customers.

    In ENRICH a column that consent does not cover is left empty; in AGGREGATE every column's category is required.
    """
    handler, recipient = (
        (direction.receiver, direction.sender) if side is Side.RECEIVER else (direction.sender, direction.receiver)
    )

    def uses(categories: Iterable[str]) -> tuple[Use, ...]:
        methods = GROUPED_METHODS if request.operation.grouped else ROW_METHODS
        return tuple(
            Use(handler=handler, recipient=recipient, purpose=request.purpose, category=category, method=method)
            for category in dict.fromkeys(categories)
            for method in methods
        )

    categories = {column.name: column.category for column in agreement.columns}
    asked = request.columns if side is Side.SENDER else ()
    if request.operation.grouped:
        return uses((*agreement.match_key_categories, *(categories[name] for name in asked))), ()
    # All keys leave: who said no to the category of one is in no list.
    return uses(agreement.match_key_categories), tuple((name, uses([categories[name]])[0]) for name in asked)


async def standing(tx: Transaction, registry: Registry, uses: tuple[Use, ...], at: datetime) -> Refusal | None:
    """Refuse when a rule that concerns nobody in particular already forbids the use."""
    for use in uses:
        decision = standing_with(use, at, registry, await exported(tx, registry, use.recipient, at))
        if decision is None:
            continue
        if decision.reason_code == "PIA_MISSING":
            return Refusal("PIA_MISSING", "no impact assessment in force covers this purpose, partner and method")
        if decision.reason_code == "SCOPE_MISMATCH":
            return Refusal("PURPOSE_NOT_AGREED", "the purpose or a category is not in the sender's or our registry")
        return Refusal("NOT_READY", "the registry of one side does not allow this use now")
    return None
