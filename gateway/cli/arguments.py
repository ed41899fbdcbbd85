"""The words of a command line: options of the whole command may stand anywhere."""

from __future__ import annotations

from collections.abc import Sequence

GLOBAL_OPTIONS = ("--home", "--target", "--ca-file", "--token-file", "--output")


def in_order(words: Sequence[str]) -> list[str]:
    """Bring the options of `assent` itself before the command, wherever people wrote them.

    `assent job list --output json` is what people type; the option belongs to `assent`,
    so that each command need not declare it.

    Args:
        words: the command line after the program's name.
    """
    first: list[str] = []
    rest: list[str] = []
    remaining = list(words)
    while remaining:
        word = remaining.pop(0)
        if word == "--":
            rest += [word, *remaining]
            break
        name, equals, _ = word.partition("=")
        if name not in GLOBAL_OPTIONS:
            rest.append(word)
        elif equals or not remaining:
            first.append(word)
        else:
            first += [word, remaining.pop(0)]
    return first + rest
