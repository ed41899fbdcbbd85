"""WitnessService of the peer port: partners show us their log, and compare what they hold of others'."""

from __future__ import annotations

from gateway.flow.ports import House
from gateway.flow.witness import comparing, serving
from gateway.peer import convert
from gateway.peer.v1 import witness_pb2 as pb
from gateway.peer.v1 import witness_pb2_grpc as pb_grpc
from gateway.rpc.door import Context, unary
from gateway.rpc.peer_notice import Identify, caller_of


class PeerWitnessServicer(pb_grpc.WitnessServiceServicer):
    """Serves `gateway.flow.witness`."""

    def __init__(self, house: House, identify: Identify) -> None:
        """Witness for partners that `identify` knows."""
        self._house = house
        self._identify = identify

    @unary
    async def AddCheckpoint(self, request: pb.AddCheckpointRequest, context: Context) -> pb.AddCheckpointResponse:
        """Compare, store and cosign the caller's checkpoint."""
        partner = caller_of(self._identify, context)
        answer = await serving.add_checkpoint(self._house, partner, convert.add_checkpoint_from_proto(request))
        return convert.witness_answer_to_proto(answer)

    @unary
    async def CompareCheckpoint(
        self, request: pb.CompareCheckpointRequest, context: Context
    ) -> pb.CompareCheckpointResponse:
        """Show what we hold of a third party's log."""
        partner = caller_of(self._identify, context)
        note = convert.note_from_proto(request.checkpoint)
        return pb.CompareCheckpointResponse(checkpoint=await comparing.shown_checkpoint(self._house, partner, note))

    @unary
    async def ProveConsistency(
        self, request: pb.ProveConsistencyRequest, context: Context
    ) -> pb.ProveConsistencyResponse:
        """Prove that our log continues itself."""
        caller_of(self._identify, context)
        sizes = convert.sizes_from_proto(request)
        return pb.ProveConsistencyResponse(hashes=await serving.prove_consistency(self._house, *sizes))
