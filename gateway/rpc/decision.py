"""DecisionService: the log of decisions about single customers."""

from __future__ import annotations

from gateway.flow import decision_log as flow
from gateway.flow.consent import person_ref
from gateway.flow.ports import House
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.consent import subject_from_proto
from gateway.rpc.convert.decision import logged_to_proto, wanted_from_proto
from gateway.rpc.convert.page import page_of, page_size, place_of
from gateway.rpc.door import Context, unary
from gateway.v1 import decision_pb2, decision_pb2_grpc

_LISTING = "decisions"


class DecisionServicer(decision_pb2_grpc.DecisionServiceServicer):
    """Serves `gateway.flow.decision_log`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def ListDecisions(
        self, request: decision_pb2.ListDecisionsRequest, context: Context
    ) -> decision_pb2.ListDecisionsResponse:
        """List logged decisions."""
        caller, house = current_caller(), self._house
        ref = None
        if request.subject or request.subject_type:
            ref = person_ref(house, *subject_from_proto(request))
        wanted = wanted_from_proto(request, ref)
        size = page_size(request.page_size)
        place = place_of(request.page_token, _LISTING, (int,))
        before = None if place is None else int(place[0])
        items = await flow.list_decisions(house, caller, wanted, before, size + 1)
        page, token = page_of(items, size, _LISTING, lambda logged: (logged.number,), logged_to_proto)
        return decision_pb2.ListDecisionsResponse(decisions=page, next_page_token=token)
