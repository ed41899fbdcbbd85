from __future__ import annotations

from gateway import kernel


def test_the_public_names_are_these() -> None:
    assert set(kernel.__all__) == {
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
    }
    assert all(getattr(kernel, name) is not None for name in kernel.__all__)
