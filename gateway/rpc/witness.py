"""WitnessService: receipts, witnesses, policy."""

from __future__ import annotations

from gateway.flow.ports import House
from gateway.flow.witness.policy import our_policy
from gateway.flow.witness.receipt import receipt
from gateway.flow.witness.standing import standing
from gateway.rpc.auth import current_caller
from gateway.rpc.convert.field import refuse, text_or_empty
from gateway.rpc.convert.witness import receipt_to_proto, standing_to_proto
from gateway.rpc.door import Context, unary
from gateway.v1 import witness_pb2, witness_pb2_grpc


class WitnessServicer(witness_pb2_grpc.WitnessServiceServicer):
    """Serves `gateway.flow.witness`."""

    def __init__(self, house: House) -> None:
        """Keep the ports."""
        self._house = house

    @unary
    async def GetReceipt(self, request: witness_pb2.GetReceiptRequest, context: Context) -> witness_pb2.Receipt:
        """Prove an entry, with cosignatures."""
        key, kind = text_or_empty(request.key, "key", longest=200), text_or_empty(request.type, "type", longest=40)
        if (kind and not key) or (key and request.index):
            refuse("key", "goes with type, and without index")
        return receipt_to_proto(await receipt(self._house, current_caller(), request.index, kind, key))

    @unary
    async def GetWitnesses(self, request: witness_pb2.GetWitnessesRequest, context: Context) -> witness_pb2.Witnesses:
        """Show witnesses, witnessed logs and forks."""
        return standing_to_proto(await standing(self._house, current_caller()))

    @unary
    async def GetLogPolicy(self, request: witness_pb2.GetLogPolicyRequest, context: Context) -> witness_pb2.LogPolicy:
        """Show the policy."""
        return witness_pb2.LogPolicy(content=await our_policy(self._house, current_caller()))
