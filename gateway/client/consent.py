"""Consents: import events, ask the rule, list a customer's consents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.client.connection import Connection
from gateway.client.decision import Decision, decision_of
from gateway.client.eligible import Coverage, read_coverage, read_eligible
from gateway.client.event import RowError
from gateway.client.event_batch import Account, Batches, ImportProgress, ImportReport, Row
from gateway.client.record import PAGE_SIZE, bare, named, pages, stamp, time_of
from gateway.errors import RequestError
from gateway.v1 import consent_pb2, consent_pb2_grpc, eligible_pb2

if TYPE_CHECKING:
    import pyarrow as pa

QUESTION_KINDS = ("USE", "PROMPT", "REFUSE_SERVICE")


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent and where it stands.

    Attributes:
        subject_ref: pseudonymous reference of the customer.
        consent_id: "" where no consent was ever given.
        state: e.g. "CONSENT_GIVEN", "CONSENT_WITHDRAWN".
        withdrawn_parts: (category, method) pairs that a withdrawal took out.
        form: "GENERAL", "SEPARATE", "WRITTEN", or "UNSPECIFIED" where none was given.
        supersedes: consent ids of the acts that this one renewed, oldest first.
        max_uses: 0 is any number.
        indicated_at: when the act or finding happened that led to the state.
        indicated_by: "SUBJECT", "GUARDIAN", "STAFF", or "UNSPECIFIED" where nobody is named.
        channel: where that was; "" where it is not said.
        kept_until: first moment at which nothing it is about may be kept any more; None is open.
    """

    subject_ref: str
    consent_id: str
    state: str
    handler: str
    purpose: str
    recipient: str
    categories: tuple[str, ...]
    methods: tuple[str, ...]
    withdrawn_parts: tuple[tuple[str, str], ...]
    form: str
    supersedes: tuple[str, ...]
    notice: str
    effective_from: datetime | None
    valid_until: datetime | None
    max_uses: int
    uses: int
    event_ids: tuple[str, ...]
    indicated_at: datetime | None = None
    indicated_by: str = "UNSPECIFIED"
    channel: str = ""
    kept_until: datetime | None = None


class AsyncConsents:
    """Calls of ConsentService."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection."""
        self._connection = connection
        self._stub = consent_pb2_grpc.ConsentServiceStub(connection.channel)

    async def import_events(
        self,
        rows: Iterable[Row | RowError],
        subject_type: str,
        all_or_nothing: bool = False,
        *,
        trial: bool = False,
        progress: Callable[[ImportProgress], None] | None = None,
    ) -> ImportReport:
        """Import consent events; rows are read and sent batch by batch.

        Args:
            rows: (row number, event) pairs in ascending order, the event as a file's JSON object gives it, with the
                raw customer value; or what is wrong with a row that could not be read.
            subject_type: what a subject is, e.g. "customer"; the same as in the binding.
            all_or_nothing: keep nothing when any row is wrong; the rows are held in memory then.
            trial: keep nothing, and report what an import would do.
            progress: is told of every batch once it is kept, and there of every rejected row.

        Returns:
            What became of the rows. A wrong row is no error.

        Raises:
            AssentError: as the gateway raised it; repeating the import does no harm.
        """
        account = Account(progress)
        batches = Batches(rows, account)
        sent: Iterable[consent_pb2.ImportEventsRequest] = batches
        if all_or_nothing and not trial:
            sent = list(batches)
            report = account.end(batches.last_row)
            if report.rejected_count:
                return report
        options = consent_pb2.ImportOptions(
            subject_type=subject_type, all_or_nothing=all_or_nothing, validate_only=trial
        )
        opening = consent_pb2.ImportEventsRequest(options=options)
        answers = self._connection.exchange(self._stub.FollowImport, opening, sent, lambda answer: answer.ended)
        async with aclosing(answers):
            async for answer in answers:
                errors, warned = (
                    [RowError(error.row, error.field, error.reason) for error in rows]
                    for rows in (answer.rejected, answer.warned)
                )
                account.settle(answer.settled_row, answer.accepted, answer.replayed, errors, warned)
        report = account.end(batches.last_row)
        if trial and all_or_nothing and report.rejected_count:
            return replace(report, accepted=0, replayed=0)
        return report

    async def evaluate(
        self,
        subject: str,
        *,
        subject_type: str,
        purpose: str,
        category: str,
        method: str,
        recipient: str = "",
        handler: str = "",
        at: datetime | None = None,
        as_known_at: datetime | None = None,
        kind: str = "USE",
        basis: str = "consent",
        group_size: int | None = None,
        linkable: bool = False,
        exported_this_year: int | None = None,
        sensitive_exported_this_year: int | None = None,
        necessary_for_service: bool = False,
    ) -> Decision:
        """Ask whether a customer's information may be used; a no is an answer.

        Args:
            subject: the raw customer value; it is neither stored nor logged.
            subject_type: what a subject is, e.g. "customer".
            purpose: purpose id.
            category: category id.
            method: e.g. "psi_hash".
            recipient: party id; "" is use by ourselves.
            handler: party id; "" is our own party.
            at: the moment asked about; None is now.
            as_known_at: only what was recorded by then counts; None is `at`, and the latest is now.
            kind: "USE", or "PROMPT" (may we ask?), or "REFUSE_SERVICE" (may we refuse the service to who says no?).
            basis: the legal basis that is claimed, e.g. "contract".
            group_size: people in the aggregate that is to be released; None when it is none.
            linkable: the aggregate can be linked to a person.
            exported_this_year: people exported since 1 January; None takes the gateway's counter.
            sensitive_exported_this_year: those of whom something sensitive went; None as before.
            necessary_for_service: the service cannot be had without this processing (PIPL 16).

        Raises:
            RequestError: BAD_FIELD.
        """
        if kind.upper() not in QUESTION_KINDS:
            raise RequestError("BAD_FIELD", f"field kind must be one of {', '.join(QUESTION_KINDS)}")
        request = consent_pb2.EvaluateConsentRequest(
            subject_type=subject_type,
            subject=subject,
            purpose=named("purposes", purpose),
            category=named("categories", category),
            method=method,
            recipient=named("parties", recipient),
            handler=named("parties", handler),
            at_time=stamp(at),
            as_known_time=stamp(as_known_at),
            kind=f"QUESTION_KIND_{kind.upper()}",
            basis=basis,
            group_size=group_size,
            linkable=linkable,
            exported_this_year=exported_this_year,
            sensitive_exported_this_year=sensitive_exported_this_year,
            necessary_for_service=necessary_for_service,
        )
        found = await self._connection.call(self._stub.EvaluateConsent, request)
        return decision_of(found)

    async def eligible(
        self,
        *,
        purpose: str,
        category: str,
        method: str,
        recipient: str = "",
        handler: str = "",
        at: datetime | None = None,
    ) -> AsyncIterator[pa.RecordBatch]:
        """Yield everybody whom a use is allowed about: batches of {subject_ref, consent_id}, subject_refs ascending.

        Args:
            purpose: purpose id.
            category: category id.
            method: e.g. "psi_hash".
            recipient: party id; "" is use by ourselves.
            handler: party id; "" is our own party.
            at: the moment asked about; None is now.
        """
        request = eligible_pb2.ReadEligibleRequest(
            purpose=named("purposes", purpose),
            category=named("categories", category),
            method=method,
            recipient=named("parties", recipient),
            handler=named("parties", handler),
            at_time=stamp(at),
        )
        async with aclosing(read_eligible(self._connection, request)) as batches:
            async for batch in batches:
                yield batch

    async def coverage(
        self,
        *,
        purpose: str,
        recipient: str = "",
        category: str = "",
        method: str = "",
        handler: str = "",
        at: datetime | None = None,
    ) -> AsyncIterator[Coverage]:
        """Yield counts, one for each category and method; arguments as of `eligible`.

        Args:
            purpose: purpose id.
            recipient: party id; "" is use by ourselves.
            category: "" is every one that a consent names for this purpose and recipient.
            method: as category.
            handler: party id; "" is our own party.
            at: the moment asked about; None is now.
        """
        request = eligible_pb2.ReadCoverageRequest(
            purpose=named("purposes", purpose),
            category=named("categories", category),
            method=method,
            recipient=named("parties", recipient),
            handler=named("parties", handler),
            at_time=stamp(at),
        )
        async with aclosing(read_coverage(self._connection, request)) as counted:
            async for coverage in counted:
                yield coverage

    async def list(self, subject: str, *, subject_type: str) -> AsyncIterator[Consent]:
        """Yield a customer's consents as they stand now.

        Args:
            subject: the raw customer value; it is neither stored nor logged.
            subject_type: what a subject is, e.g. "customer".
        """

        async def fetch(token: str) -> tuple[list[Consent], str]:
            request = consent_pb2.ListConsentsRequest(
                subject_type=subject_type, subject=subject, page_size=PAGE_SIZE, page_token=token
            )
            answer = await self._connection.call(self._stub.ListConsents, request)
            return [_consent(consent) for consent in answer.consents], answer.next_page_token

        async for consent in pages(fetch):
            yield consent


def _consent(message: consent_pb2.Consent) -> Consent:
    subject, _, consent_id = bare(message.name).partition("/consents/")
    return Consent(
        subject_ref=subject,
        consent_id="" if consent_id == "-" else consent_id,
        state=consent_pb2.ConsentState.Name(message.state).removeprefix("CONSENT_STATE_"),
        handler=bare(message.handler),
        purpose=bare(message.purpose),
        recipient=bare(message.recipient),
        categories=tuple(bare(category) for category in message.categories),
        methods=tuple(message.methods),
        withdrawn_parts=tuple((bare(part.category), part.method) for part in message.withdrawn_parts),
        form=consent_pb2.ConsentForm.Name(message.form).removeprefix("CONSENT_FORM_"),
        supersedes=tuple(message.supersedes),
        notice=message.notice,
        effective_from=time_of(message, "effective_time"),
        valid_until=time_of(message, "valid_until_time"),
        max_uses=message.max_uses,
        uses=message.uses,
        event_ids=tuple(message.event_ids),
        indicated_at=time_of(message, "indicated_time"),
        indicated_by=consent_pb2.ConsentActor.Name(message.indicated_by).removeprefix("CONSENT_ACTOR_"),
        channel=message.channel,
        kept_until=time_of(message, "kept_until_time"),
    )
