"""PartyService: legal entities, what happened to them, ways out of the country, yearly counters."""

from __future__ import annotations

from gateway.flow import export as exports
from gateway.flow import party as flow
from gateway.flow import registry
from gateway.flow.ports import House, RegistryItem
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.field import optional_request_id
from gateway.rpc.convert.page import page_of, page_size, place_of
from gateway.rpc.convert.party import (
    counter_to_proto,
    event_from_proto,
    event_to_proto,
    mechanism_from_proto,
    mechanism_to_proto,
    party_from_proto,
    party_to_proto,
    party_version,
)
from gateway.rpc.door import Context, unary
from gateway.v1 import party_pb2, party_pb2_grpc

_COUNTERS = "export_counters"


class PartyServicer(party_pb2_grpc.PartyServiceServicer):
    """Serves `gateway.flow.party` and `gateway.flow.export`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def CreateParty(self, request: party_pb2.CreatePartyRequest, context: Context) -> party_pb2.Party:
        """Register a legal entity, or its next version."""
        optional_request_id(request.request_id)
        body, version = party_from_proto(request)
        return party_to_proto(await flow.create_party(self._house, current_caller(), body, version))

    @unary
    async def GetParty(self, request: party_pb2.GetPartyRequest, context: Context) -> party_pb2.Party:
        """Return one version of a registered party."""
        party, version = party_version(request.name)
        return party_to_proto(await flow.get_party(self._house, current_caller(), party, version))

    @unary
    async def ListParties(
        self, request: party_pb2.ListPartiesRequest, context: Context
    ) -> party_pb2.ListPartiesResponse:
        """List registered parties by id and version."""
        items = await self._items(flow.PARTY, request)
        page, token = page_of(items, page_size(request.page_size), flow.PARTY, _place, party_to_proto)
        return party_pb2.ListPartiesResponse(parties=page, next_page_token=token)

    @unary
    async def CreatePartyEvent(
        self, request: party_pb2.CreatePartyEventRequest, context: Context
    ) -> party_pb2.PartyEvent:
        """Add what happened to a party."""
        optional_request_id(request.request_id)
        body = event_from_proto(request)
        return event_to_proto(await flow.create_party_event(self._house, current_caller(), body))

    @unary
    async def ListPartyEvents(
        self, request: party_pb2.ListPartyEventsRequest, context: Context
    ) -> party_pb2.ListPartyEventsResponse:
        """List what happened to parties by id."""
        items = await self._items(flow.PARTY_EVENT, request)
        page, token = page_of(items, page_size(request.page_size), flow.PARTY_EVENT, _place, event_to_proto)
        return party_pb2.ListPartyEventsResponse(party_events=page, next_page_token=token)

    @unary
    async def CreateExportMechanism(
        self, request: party_pb2.CreateExportMechanismRequest, context: Context
    ) -> party_pb2.ExportMechanism:
        """Register what allows exports to a party, or its next version."""
        optional_request_id(request.request_id)
        body, version = mechanism_from_proto(request)
        return mechanism_to_proto(await exports.create_mechanism(self._house, current_caller(), body, version))

    @unary
    async def ListExportMechanisms(
        self, request: party_pb2.ListExportMechanismsRequest, context: Context
    ) -> party_pb2.ListExportMechanismsResponse:
        """List export mechanisms by id and version."""
        items = await self._items(exports.MECHANISM, request)
        page, token = page_of(items, page_size(request.page_size), exports.MECHANISM, _place, mechanism_to_proto)
        return party_pb2.ListExportMechanismsResponse(export_mechanisms=page, next_page_token=token)

    @unary
    async def ListExportCounters(
        self, request: party_pb2.ListExportCountersRequest, context: Context
    ) -> party_pb2.ListExportCountersResponse:
        """List the counters of a year, the whole house first."""
        size = page_size(request.page_size)
        place = place_of(request.page_token, _COUNTERS, (str, int))
        after = None if place is None else (str(place[0]), bool(place[1]))
        counters = await exports.list_counters(self._house, current_caller(), request.year, after, size + 1)
        page, token = page_of(
            counters,
            size,
            _COUNTERS,
            lambda counter: (counter.count.recipient, int(counter.count.sensitive)),
            counter_to_proto,
        )
        return party_pb2.ListExportCountersResponse(export_counters=page, next_page_token=token)

    async def _items(
        self,
        kind: str,
        request: (
            party_pb2.ListPartiesRequest | party_pb2.ListPartyEventsRequest | party_pb2.ListExportMechanismsRequest
        ),
    ) -> list[RegistryItem]:
        place = place_of(request.page_token, kind, (str, int))
        after = ("", 0) if place is None else (str(place[0]), int(place[1]))
        return await registry.list_items(self._house, current_caller(), kind, after, page_size(request.page_size) + 1)


def _place(item: RegistryItem) -> tuple[str, int]:
    return item.item_id, item.version
