"""Which of many texts stand in a file as they are: all of them looked for in one pass, by how they begin."""

from __future__ import annotations

import numpy as np

HEAD = 6


def readable(content: bytes, secrets: set[str]) -> list[str]:
    """Return those of some texts that occur in a file, whatever stands around them.

    Args:
        content: of the file.
        secrets: of six bytes and more.
    """
    of_head: dict[bytes, list[str]] = {}
    for secret in secrets:
        of_head.setdefault(secret.encode()[:HEAD], []).append(secret)
    assert all(len(head) == HEAD for head in of_head), "a text is too short to be told from chance"
    octets = np.frombuffer(content, dtype=np.uint8)
    if len(octets) < HEAD:
        return []
    begins = np.zeros(1 << 16, dtype=bool)
    begins[[head[0] << 8 | head[1] for head in of_head]] = True
    pairs = octets[:-1].astype(np.uint16) << 8 | octets[1:]
    places = np.flatnonzero(begins[pairs[: len(octets) - HEAD + 1]])
    heads = octets[places[:, None] + np.arange(HEAD)].view(f"S{HEAD}")
    found = of_head.keys() & set(np.unique(heads).tolist())
    return [secret for head in found for secret in of_head[head] if secret.encode() in content]
