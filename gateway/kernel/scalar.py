"""Secret scalars: integers modulo the group order that Python never sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from gateway.errors import Misuse
from gateway.kernel._native import ffi, lib
from gateway.kernel.refusal import check_values_status

if TYPE_CHECKING:
    from gateway.kernel._native import CData

SCALAR_BYTES: Final = 32


class Scalar:
    """A nonzero secret modulo l, kept in native memory that is wiped when it is destroyed or collected.

    Make one with `random`, `from_secret_bytes` or `inverse`. It has no readable repr, does not pickle or copy, and
    compares in constant time.
    """

    __slots__ = ("_handle",)
    __hash__ = None  # type: ignore[assignment]

    _handle: CData | None

    def __init__(self) -> None:
        """Refuse: a scalar without a value has no use.

        Raises:
            Misuse: always.
        """
        raise Misuse("a Scalar is made by Scalar.random() or Scalar.from_secret_bytes()")

    @classmethod
    def _blank(cls) -> Scalar:
        """Return a scalar whose native memory is zero, to be filled at once."""
        handle = lib.assent_scalar_new()
        if handle == ffi.NULL:
            raise MemoryError
        scalar = cls.__new__(cls)
        scalar._handle = ffi.gc(handle, lib.assent_scalar_free)
        return scalar

    @classmethod
    def random(cls) -> Scalar:
        """Draw a scalar uniformly from 1 to l - 1 with the operating system's generator.

        Returns:
            A fresh scalar.

        Raises:
            Misuse: the operating system gave no random bytes.

        Source:
            RFC 9497 section 4.1, RandomScalar; 64 bytes reduced modulo l.
        """
        scalar = cls._blank()
        check_values_status(lib.assent_scalar_random(scalar._native()), 0)
        return scalar

    @classmethod
    def from_secret_bytes(cls, encoding: bytes | bytearray) -> Scalar:
        """Return the scalar that was saved as bytes.

        Args:
            encoding: 32 bytes, little-endian, from 1 to l - 1; the caller wipes its own copy.

        Returns:
            The scalar.

        Raises:
            Misuse: another size, zero, or not below the group order.
        """
        if len(encoding) != SCALAR_BYTES:
            raise Misuse(f"a scalar must be {SCALAR_BYTES} bytes, not {len(encoding)}")
        scalar = cls._blank()
        if lib.assent_scalar_from_bytes(scalar._native(), ffi.from_buffer("uint8_t[]", encoding)) != lib.ASSENT_OK:
            raise Misuse("a scalar must lie between 1 and the group order; use what to_secret_bytes returned")
        return scalar

    def to_secret_bytes(self) -> bytes:
        """Return the value, for sealing it into the run state and for nothing else.

        Returns:
            32 bytes, little-endian. Python cannot wipe them: seal them at once and let them go.

        Raises:
            Misuse: the scalar was destroyed.
        """
        encoding = ffi.new("uint8_t[]", SCALAR_BYTES)
        lib.assent_scalar_to_bytes(self._native(), encoding)
        return bytes(ffi.buffer(encoding))

    def inverse(self) -> Scalar:
        """Return 1/self modulo l, which undoes a multiplication by self.

        Returns:
            A scalar of its own, to be destroyed on its own.

        Raises:
            Misuse: the scalar was destroyed.
        """
        inverse = self._blank()
        lib.assent_scalar_invert(self._native(), inverse._native())
        return inverse

    def destroy(self) -> None:
        """Overwrite the value; every later use raises Misuse. Destroying twice is allowed."""
        if self._handle is not None:
            lib.assent_scalar_wipe(self._handle)
            self._handle = None

    def _native(self) -> CData:
        """Return the handle for a native call, which thereby keeps the memory alive.

        Raises:
            Misuse: the scalar was destroyed.
        """
        if self._handle is None:
            raise Misuse("the scalar was destroyed; a session's scalars are gone when it is closed")
        return self._handle

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Scalar):
            return NotImplemented
        return bool(lib.assent_scalar_equal(self._native(), other._native()))

    def __repr__(self) -> str:
        return "<Scalar>" if self._handle is not None else "<Scalar, destroyed>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied.

        Raises:
            Misuse: always.
        """
        raise Misuse("a Scalar is never pickled or copied; seal to_secret_bytes() with the key provider instead")
