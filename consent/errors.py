"""The errors of consent records.

    ConsentError
    ├── FieldError        a field of a record is missing, malformed or out of bounds
    ├── NoticeError       a notice cannot be published: it does not say enough, or it is published already
    └── TransitionError   a consent record may not go from its state to another by this event

A denial is not here: it is an answer (`consent.evaluate.Decision`). Messages name
the field, never its value: a value may be personal information.
"""

from __future__ import annotations


class ConsentError(Exception):
    """Base of every error of this package.

    Args:
        reason: stable code that programs branch on.
        field: path of the field at fault, such as `items[0].form`.
        message: what is wrong and what is expected.
    """

    def __init__(self, reason: str, field: str, message: str) -> None:
        """Keep the three; the text is `field: message`."""
        super().__init__(f"{field}: {message}")
        self.reason = reason
        self.field = field
        self.expected = message
        self.message = str(self)


class FieldError(ConsentError):
    """A field is missing, malformed, out of bounds or unknown (reason BAD_FIELD)."""

    def __init__(self, field: str, message: str) -> None:
        """Name the field and what was expected of it."""
        super().__init__("BAD_FIELD", field, message)


class NoticeError(ConsentError):
    """A notice may not be published (NOTICE_INCOMPLETE), or not any more (NOTICE_STATE).

    Args:
        missing: the contents that the law asks for and that are not there.
    """

    def __init__(self, reason: str, field: str, message: str, missing: tuple[str, ...] = ()) -> None:
        """Keep the missing contents for the answer to the officer."""
        super().__init__(reason, field, message)
        self.missing = missing


class TransitionError(ConsentError):
    """No rule leads from the record's state over this event (reason FORBIDDEN_TRANSITION)."""

    def __init__(self, message: str) -> None:
        """The field at fault is always the event's type."""
        super().__init__("FORBIDDEN_TRANSITION", "type", message)
