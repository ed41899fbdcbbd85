"""DatasetService: what is declared on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.flow.access import require
from gateway.flow.ports import House
from gateway.flow.preflight.check import check_dataset
from gateway.route.caller import Role
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.check import progress_to_proto
from gateway.rpc.convert.dataset import dataset_to_proto
from gateway.rpc.convert.name import id_of
from gateway.rpc.convert.page import page_of, page_size, place_of
from gateway.rpc.door import Context, closing, stream, unary
from gateway.v1 import check_pb2, dataset_pb2, dataset_pb2_grpc

_LISTING = "datasets"
_ROLES = (Role.ADMINISTRATOR, Role.COMPLIANCE_OFFICER)


class DatasetServicer(dataset_pb2_grpc.DatasetServiceServicer):
    """Serves the descriptions of `DatasetPort`; no state changes, hence no route of its own."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def ListDatasets(
        self, request: dataset_pb2.ListDatasetsRequest, context: Context
    ) -> dataset_pb2.ListDatasetsResponse:
        """List what is declared."""
        require(current_caller(), *_ROLES)
        size = page_size(request.page_size)
        place = place_of(request.page_token, _LISTING, (str,))
        after = "" if place is None else str(place[0])
        found = [one for one in await self._house.datasets.declared() if one.name > after]
        page, token = page_of(found, size, _LISTING, lambda one: (one.name,), dataset_to_proto)
        return dataset_pb2.ListDatasetsResponse(datasets=page, next_page_token=token)

    @unary
    async def GetDataset(self, request: dataset_pb2.GetDatasetRequest, context: Context) -> dataset_pb2.Dataset:
        """Describe one data set."""
        require(current_caller(), *_ROLES)
        return dataset_to_proto(await self._house.datasets.describe(id_of(request.name, _LISTING)))

    @stream
    async def CheckDataset(
        self, request: check_pb2.CheckDatasetRequest, context: Context
    ) -> AsyncIterator[check_pb2.CheckDatasetResponse]:
        """Read a data set once and say what runs would find."""
        name = id_of(request.name, _LISTING)
        agreement_id = id_of(request.agreement, "agreements", "agreement") if request.agreement else ""
        async with closing(check_dataset(self._house, current_caller(), name, agreement_id)) as steps:
            async for step in steps:
                yield progress_to_proto(step)
