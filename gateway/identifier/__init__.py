"""Identifiers: match keys by name, and columns of raw values brought to one canonical form.

Pure: Arrow arrays in, Arrow arrays out. A value that is not clearly of the
named type is rejected with a reason; nothing is guessed.
"""

from gateway.identifier.cases import normalise_cases
from gateway.identifier.content import Content
from gateway.identifier.content import parse as parse_content
from gateway.identifier.match_key import FORMS, SUPPORTED, MatchKey, parse
from gateway.identifier.normalise import normalise
from gateway.identifier.reason import RejectReason
from gateway.identifier.shape import PLAIN, expected, shapes

__all__ = [
    "FORMS",
    "PLAIN",
    "SUPPORTED",
    "Content",
    "MatchKey",
    "RejectReason",
    "expected",
    "normalise",
    "normalise_cases",
    "parse",
    "parse_content",
    "shapes",
]
