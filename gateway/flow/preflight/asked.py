"""What a check of a data set looks at: match keys, columns, and the uses that runs of an agreement would ask about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consent.evaluate import Use
from gateway import identifier
from gateway.errors import StateError
from gateway.flow.authorize import gates_for
from gateway.flow.match_key import mismatch
from gateway.flow.ports import House, SurveyColumn, SurveyKey
from gateway.route.agreement import Agreement, AgreementBinding, Operation
from gateway.route.job import JobRequest, Side

SUBJECT_TYPE = "customer"
"""Label of subjects of a data set that no agreement was named for; references of it are never compared with others."""


@dataclass(frozen=True, slots=True)
class AskedUse:
    """A kind of run, and what must be allowed about a customer to be in it."""

    operation: Operation
    side: Side
    purpose: str
    gates: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at.

    Attributes:
        subject_type: label under which subjects are hashed.
        names: of the match keys as agreed, "" where no agreement was named.
        keys: of them.
        columns: agreed columns that are bound, and the segment column.
        uses: each kind of run.
        unfit: a match key whose column is declared to hold another form, and why; None where all fit.
    """

    subject_type: str
    names: tuple[str, ...]
    keys: tuple[SurveyKey, ...]
    columns: tuple[SurveyColumn, ...] = ()
    uses: tuple[AskedUse, ...] = ()
    unfit: tuple[str, str] | None = None


async def asked_of(house: House, dataset: str, agreement_id: str) -> Asked:
    """Return what is looked at in a data set.

    Args:
        house: ports.
        dataset: its name.
        agreement_id: whose runs are meant; "" for none.

    Raises:
        RequestError: BAD_FIELD for a declaration that this release does not know.
        StateError: NOT_FOUND for an unknown agreement, or one that is not bound to the data set.
    """
    held = await house.datasets.identifiers(dataset)
    if not agreement_id:
        declared = {column: content for part in reversed(held) for column, content in part.items()}
        keys = tuple(_declared(column, content) for column, content in declared.items())
        return Asked(SUBJECT_TYPE, ("",) * len(keys), keys)
    async with house.store.read() as tx:
        agreement = (await tx.agreements.get(agreement_id)).agreement
        binding = await tx.agreements.binding(agreement_id)
    if binding is None or binding.dataset != dataset:
        raise StateError("NOT_FOUND", f"the agreement is not bound to data set {dataset}; bind it, or name none")
    bound = dict(binding.match_key_columns)
    own = house.custody.party
    return Asked(
        binding.subject_type,
        agreement.match_keys,
        tuple(_bound(name, bound[name], held) for name in agreement.match_keys),
        _columns(agreement, binding),
        tuple(_uses(agreement, own)),
        mismatch(binding, held),
    )


def _declared(column: str, content: str) -> SurveyKey:
    """Read a column as what it is declared to hold, in the first form of its type."""
    held = identifier.parse_content(content)
    if held.digests is not None:
        return SurveyKey(held.digests, column, held)
    forms = identifier.FORMS[held.type]
    return SurveyKey(identifier.parse(".".join((held.type, *forms[:1]))), column, held)


def _bound(name: str, column: str, held: Sequence[Mapping[str, str]]) -> SurveyKey:
    """Read a column as its match key; as what it is declared to hold where that cannot serve the key."""
    key = identifier.parse(name)
    declared = next((part[column] for part in held if column in part), None)
    if declared is None:
        return SurveyKey(key, column)
    content = identifier.parse_content(declared)
    return SurveyKey(key, column, content) if content.serves(key) else _declared(column, declared)


def _columns(agreement: Agreement, binding: AgreementBinding) -> tuple[SurveyColumn, ...]:
    by_name = {column.name: column for column in agreement.columns}
    columns = [SurveyColumn(by_name[name], column) for name, column in binding.value_columns]
    return (*columns, *([SurveyColumn(None, binding.segment_column)] if binding.segment_column else []))


def _uses(agreement: Agreement, own: str) -> list[AskedUse]:
    uses = []
    for direction in agreement.directions:
        if own not in (direction.receiver, direction.sender):
            continue
        side = Side.RECEIVER if direction.receiver == own else Side.SENDER
        for purpose in agreement.purposes:
            request = JobRequest(
                request_id="",
                agreement_id=agreement.agreement_id,
                operation=direction.operation,
                purpose=purpose,
                columns=direction.columns if side is Side.SENDER else (),
                requested_by="",
            )
            gates, _ = gates_for(agreement, direction, request, side)
            uses.append(AskedUse(direction.operation, side, purpose, gates))
    return uses
