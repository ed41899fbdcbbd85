"""Names of match keys: `<type>[.<form>][.<hash>]`, as an agreement lists them.

Both sides must declare the same form and hash: a silent mismatch of forms is
the commonest loss in the field. A key without a hash is derived from raw
values; a key with one takes the digests that the column already holds, since
hashing twice or hashing a guess would match nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.errors import RequestError

DIGEST_HEX_LENGTH = {"md5": 32, "sha256": 64, "sm3": 64}
"""Hexadecimal digits of each hash a match key may name."""

_FORMS = {"phone": ("e164", "cn11"), "id": ("opaque",)}
_HASHED_TYPES = frozenset({"phone"})
_PRINTABLE = re.compile(r"[a-z0-9.]{1,64}")


@dataclass(frozen=True, slots=True)
class MatchKey:
    """A parsed match key.

    Attributes:
        type: what is identified: "phone" or "id".
        form: the canonical form: "e164", "cn11" or "opaque".
        hash: "md5", "sha256", "sm3", or "" for raw values.
    """

    type: str
    form: str
    hash: str = ""

    @property
    def name(self) -> str:
        """The name as it stands in agreements and on the wire."""
        return ".".join(part for part in (self.type, self.form, self.hash) if part)


def _supported() -> dict[str, MatchKey]:
    keys = []
    for type_, forms in _FORMS.items():
        hashes = ("", *DIGEST_HEX_LENGTH) if type_ in _HASHED_TYPES else ("",)
        keys += [MatchKey(type_, form, hash_) for form in forms for hash_ in hashes]
    return {key.name: key for key in keys}


_BY_NAME = _supported()

SUPPORTED = tuple(sorted(_BY_NAME))
"""Every match key that this release can normalise, by name."""


def parse(name: str) -> MatchKey:
    """Return the match key of a name.

    Args:
        name: e.g. "phone.e164" or "phone.cn11.sha256"; case counts.

    Raises:
        RequestError: BAD_FIELD for a name that is not in `SUPPORTED`.
    """
    key = _BY_NAME.get(name)
    if key is None:
        shown = f'"{name}"' if _PRINTABLE.fullmatch(name) else "(unprintable)"
        raise RequestError("BAD_FIELD", f"match key {shown} is not supported; use one of {', '.join(SUPPORTED)}")
    return key
