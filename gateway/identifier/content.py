"""What a column holds: raw values of a type, or digests of a form. Declared with the data set, never guessed.

Written `phone` or `phone@HK` for raw phone numbers (those without a country code
are of that region), `oaid` or `email` for raw values of other types, and with the
name of a match key that names a hash, `phone.cn11.sha256`, for digests.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import RequestError
from gateway.identifier import match_key as match_keys
from gateway.identifier.match_key import MatchKey
from gateway.identifier.phone_world import HOME, check_region


@dataclass(frozen=True, slots=True)
class Content:
    """What a column holds.

    Attributes:
        type: of the identifiers, as in a match key.
        digests: the match key that the column's digests are of; None for raw values.
        region: of phone numbers without a country code, ISO 3166-1 alpha-2.
    """

    type: str
    digests: MatchKey | None = None
    region: str = HOME

    @property
    def name(self) -> str:
        """As it is declared."""
        if self.digests is not None:
            return self.digests.name
        return self.type if self.region == HOME else f"{self.type}@{self.region}"

    def serves(self, key: MatchKey) -> bool:
        """Return whether a match key can be made of the column.

        Args:
            key: the agreed match key.
        """
        return self.type == key.type if self.digests is None else self.digests == key


def implied(key: MatchKey) -> Content:
    """Return what a column of a match key holds when nothing is declared: digests where the key names a hash.

    Args:
        key: the agreed match key.
    """
    return Content(key.type, key if key.hash else None)


def parse(declared: str) -> Content:
    """Return what a column holds.

    Args:
        declared: as `[datasets.NAME.identifiers]` says it.

    Raises:
        RequestError: BAD_FIELD.
    """
    named, at, region = declared.partition("@")
    if at:
        if named != "phone":
            raise RequestError("BAD_FIELD", "only raw phone numbers have a region: write phone@HK, for example")
        check_region(region)
        return Content(named, None, region)
    if named in match_keys.FORMS:
        return Content(named)
    key = match_keys.parse(named)
    return Content(key.type, key if key.hash else None)
