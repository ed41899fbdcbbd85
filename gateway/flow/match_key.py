"""Match keys of an agreement and what the bound columns hold: other forms are found before anything is compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway import identifier
from gateway.flow.ports import DatasetPart
from gateway.route.agreement import Agreement, AgreementBinding, Direction, Noise, Padding


def takes_one(agreement: Agreement, direction: Direction) -> bool:
    """Return whether a direction runs with one match key only.

    Statistics with dummies or noise do: they count people by one key. So do rows whose matches both learn, or whose
    lists are padded.
    """
    if not direction.operation.grouped:
        return direction.to_sender or agreement.padding is not Padding.NONE
    terms = agreement.aggregate
    return terms is None or Noise.LAPLACE in (terms.dummies, terms.noise)


def mismatch(binding: AgreementBinding, held: Iterable[Mapping[str, str]]) -> tuple[str, str] | None:
    """Return the first match key whose bound column cannot serve it, and why; None when all can.

    Args:
        binding: which columns answer for the agreement.
        held: per source what columns are declared to hold; one of which nothing is declared holds what its key implies.

    Raises:
        RequestError: BAD_FIELD for a match key or a declaration that this release does not know.
    """
    for name, column in binding.match_key_columns:
        key = identifier.parse(name)
        for declared in dict.fromkeys(one[column] for one in held if column in one):
            content = identifier.parse_content(declared)
            if content.serves(key):
                continue
            what = f"digests of {content.name}" if content.digests else f"raw values of type {content.type}"
            return name, f"the column bound to {name} holds {what}"
    return None


def keys_of_parts(
    agreement: Agreement, binding: AgreementBinding, parts: Sequence[DatasetPart]
) -> tuple[tuple[int, ...], ...]:
    """Return per part of a bound data set the numbers of the match keys that it is read for, ascending.

    Of several keys a part may be declared without some. What no part has, and a part that has none, is not left out:
    reading it says what is missing.
    """
    columns, everything = dict(binding.match_key_columns), range(len(agreement.match_keys))
    bound = [columns.get(name, "") for name in agreement.match_keys]
    nowhere = {number for number in everything if all(part.lacks(bound[number]) for part in parts)}
    found = []
    for part in parts:
        has = tuple(number for number in everything if number in nowhere or not part.lacks(bound[number]))
        found.append(has or tuple(everything))
    return tuple(found)
