"""The curve kernel: ristretto255, its OPRF and the hashes around it, in batches and without the GIL.

The only importer of the native module (native/README.md). Fixed-width bytes are numpy uint8 arrays of shape
(n, width); variable-width bytes are Arrow arrays, read in place. Every function is pure but for the random ones.

    values -> oprf_inputs -> blind -> (partner: evaluate) -> finalize_unblind -> tags, open_rows     receiver
    values -> oprf_inputs -> outputs -> tags, seal_rows                                              sender
"""

from __future__ import annotations

from gateway.kernel.digest import MerkleRoot, expand_message_xmd, hex_digests, hmac_sha256, merkle_root, subject_refs
from gateway.kernel.group import check_elements, evaluate, map_to_group, random_elements
from gateway.kernel.isa import ISA
from gateway.kernel.oprf import blind, finalize, finalize_unblind, hash_to_group, oprf_inputs, outputs
from gateway.kernel.order import find_rows, first_not_ascending, order_rows, take_rows
from gateway.kernel.refusal import ElementRefused, InputRefused
from gateway.kernel.scalar import Scalar
from gateway.kernel.table import open_rows, seal_rows, tags

__all__ = [
    "ISA",
    "ElementRefused",
    "InputRefused",
    "MerkleRoot",
    "Scalar",
    "blind",
    "check_elements",
    "evaluate",
    "expand_message_xmd",
    "finalize",
    "finalize_unblind",
    "find_rows",
    "first_not_ascending",
    "hash_to_group",
    "hex_digests",
    "hmac_sha256",
    "map_to_group",
    "merkle_root",
    "open_rows",
    "oprf_inputs",
    "order_rows",
    "outputs",
    "random_elements",
    "seal_rows",
    "subject_refs",
    "tags",
    "take_rows",
]
