"""ConsentService: import events, ask the rule, look."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.errors import RequestError
from gateway.flow import consent as flow
from gateway.flow import eligible as cohort
from gateway.flow.ports import House
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.consent import (
    circumstances_from_proto,
    consent_to_proto,
    decision_to_proto,
    import_report_to_proto,
    progress_to_proto,
    subject_from_proto,
    use_from_proto,
)
from gateway.rpc.convert.eligible import (
    cohort_use_from_proto,
    coverage_to_proto,
    eligible_to_proto,
    narrowed_from_proto,
    scope_from_proto,
)
from gateway.rpc.convert.event import batch_from_proto, options_from_proto
from gateway.rpc.convert.field import time_or_none
from gateway.rpc.convert.page import page_of, page_size, place_of
from gateway.rpc.door import Context, closing, let_finish, stream, unary
from gateway.v1 import consent_pb2, consent_pb2_grpc, eligible_pb2

_LISTING = "consents"


class ConsentServicer(consent_pb2_grpc.ConsentServiceServicer):
    """Serves `gateway.flow.consent`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def ImportEvents(
        self, request: AsyncIterator[consent_pb2.ImportEventsRequest], context: Context
    ) -> consent_pb2.ImportEventsResponse:
        """Import a stream of batches."""
        caller = current_caller()
        subject_type, all_or_nothing, trial = options_from_proto(await _options(request))
        report = await flow.import_events(self._house, caller, subject_type, _batches(request), all_or_nothing, trial)
        return import_report_to_proto(report)

    @stream
    async def FollowImport(
        self, request: AsyncIterator[consent_pb2.ImportEventsRequest], context: Context
    ) -> AsyncIterator[consent_pb2.ImportProgress]:
        """Import a stream of batches, telling of each."""
        caller = current_caller()
        subject_type, all_or_nothing, trial = options_from_proto(await _options(request))
        flow.check_import(self._house, caller, subject_type)
        yield consent_pb2.ImportProgress()
        steps = flow.follow_import(self._house, caller, subject_type, _batches(request), all_or_nothing, trial)
        try:
            async with closing(steps) as settled:
                async for step in settled:
                    for message in progress_to_proto(step):
                        yield message
        except Exception:
            # A client whose write fails because the call has ended never learns why it did: it is told to stop first.
            yield consent_pb2.ImportProgress(ended=True)
            await let_finish(request)
            raise

    @unary
    async def EvaluateConsent(
        self, request: consent_pb2.EvaluateConsentRequest, context: Context
    ) -> consent_pb2.Decision:
        """Ask the rule."""
        caller = current_caller()
        subject_type, subject = subject_from_proto(request)
        use = use_from_proto(request, self._house.custody.party)
        at = time_or_none(request, "at_time", "at_time")
        as_known_at = time_or_none(request, "as_known_time", "as_known_time")
        given = circumstances_from_proto(request)
        found = await flow.decide(self._house, caller, subject_type, subject, use, at, as_known_at, given)
        return decision_to_proto(found)

    @unary
    async def ListConsents(
        self, request: consent_pb2.ListConsentsRequest, context: Context
    ) -> consent_pb2.ListConsentsResponse:
        """List a customer's consents as they stand now."""
        caller, now = current_caller(), self._house.clock.now()
        subject_type, subject = subject_from_proto(request)
        size = page_size(request.page_size)
        place = place_of(request.page_token, _LISTING, (int,))
        start = 0 if place is None else int(place[0])
        records = await flow.consents_of(self._house, caller, subject_type, subject)
        page, token = page_of(
            list(enumerate(records))[start:],
            size,
            _LISTING,
            lambda numbered: (numbered[0] + 1,),
            lambda numbered: consent_to_proto(numbered[1], now),
        )
        return consent_pb2.ListConsentsResponse(consents=page, next_page_token=token)

    @stream
    async def ReadEligible(
        self, request: eligible_pb2.ReadEligibleRequest, context: Context
    ) -> AsyncIterator[eligible_pb2.ReadEligibleResponse]:
        """Stream a cohort."""
        caller, use = current_caller(), cohort_use_from_proto(request, self._house.custody.party)
        at = time_or_none(request, "at_time", "at_time")
        async with closing(cohort.eligible(self._house, caller, use, at)) as batches:
            async for batch in batches:
                for message in eligible_to_proto(batch):
                    yield message

    @stream
    async def ReadCoverage(
        self, request: eligible_pb2.ReadCoverageRequest, context: Context
    ) -> AsyncIterator[eligible_pb2.ReadCoverageResponse]:
        """Stream counts."""
        caller, scope = current_caller(), scope_from_proto(request, self._house.custody.party)
        category, method = narrowed_from_proto(request)
        at = time_or_none(request, "at_time", "at_time")
        async with closing(cohort.coverage(self._house, caller, scope, category, method, at)) as counted:
            async for coverage in counted:
                yield coverage_to_proto(coverage)


async def _options(request: AsyncIterator[consent_pb2.ImportEventsRequest]) -> consent_pb2.ImportOptions:
    first = await anext(aiter(request), None)
    if first is None or first.WhichOneof("frame") != "options":
        raise RequestError("BAD_FIELD", "field options is required in the first message of the stream")
    return first.options


async def _batches(
    messages: AsyncIterator[consent_pb2.ImportEventsRequest],
) -> AsyncIterator[flow.Piece]:
    async for message in messages:
        if message.WhichOneof("frame") != "batch":
            raise RequestError("BAD_FIELD", "field batch is required in every message after the first")
        yield batch_from_proto(message.batch)
