"""A text file's bytes as UTF-8: unpacked, decoded, without a byte order mark."""

from __future__ import annotations

import codecs
import io
from typing import Any

import pyarrow as pa

from gateway.dataset.fault import Fault
from gateway.dataset.foreign_utf8 import ForeignUtf8
from gateway.dataset.source import Source

ENCODINGS = "gb18030, gbk, big5, utf-16, shift_jis, euc-kr, windows-1252"
"""What messages propose to declare."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_LONGEST_BOM = 4
_WORKBOOKS = {b"PK\x03\x04": "a ZIP archive or an Excel workbook", b"\xd0\xcf\x11\xe0": "an old Excel workbook"}
_FOREIGN = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR", b"\x04\x22\x4d\x18": "LZ4"}
_PIECE = 4 << 10  # bytes that are unpacked at a time: those before the damage are read
_MAGIC = 5  # bytes of the longest of these signs
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
# GB18030 holds GBK, which holds GB2312, and so on: whoever says the smaller name often has the larger set.
_CODECS = {"gbk": "gb18030", "gb2312": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932", "euc-kr": "cp949"}


class Decoded(io.RawIOBase):
    """The bytes, piece by piece. They end at the first fault, which is then told: no error of a library comes out."""

    def __init__(self, source: Source, encoding: str, block: int, *, looks: bool = False) -> None:
        """Open the file and see how it begins.

        Args:
            source: a CSV file.
            encoding: as declared; "" takes it for what its byte order mark says, else for UTF-8.
            block: bytes that are read at a time.
            looks: look for another encoding among this one, where both can be decoded.

        Raises:
            SourceError: BAD_ENCODING for a byte order mark that contradicts what is declared; BAD_ROW.
        """
        super().__init__()
        self.fault: Fault | None = None
        self._source, self._block, self._given = source, block, 0
        self._broken = ""
        try:
            self._file = source.open()
        except (OSError, pa.ArrowException) as error:
            source.refuse_input(error)
        try:
            self._packed, self._bytes = _unpacked(source, self._file)
            self._left = b""
            while len(self._left) < _LONGEST_BOM and (more := self._next()):
                self._left += more
            self._codec = self._begun(encoding)
        except BaseException:
            self._file.close()
            raise
        # UTF-8 goes through as it is, and is checked by whoever reads it.
        decoder = None if self._codec == "utf-8" else codecs.getincrementaldecoder(self._codec)("strict")
        self._decoder = decoder
        self._foreign = ForeignUtf8() if looks and self._codec == "gb18030" else None

    @property
    def is_checked(self) -> bool:
        """Whether the bytes are UTF-8 for sure, as they were decoded here."""
        return self._decoder is not None

    @property
    def is_plain(self) -> bool:
        """Whether the file holds these bytes as they are, but for a byte order mark."""
        return self._decoder is None and not self._packed

    @property
    def is_packed(self) -> bool:
        """Whether the file is packed."""
        return bool(self._packed)

    @property
    def name(self) -> str:
        """How the file is encoded and packed, for people."""
        return self._codec.upper() + self._marked + (f", {self._packed}" if self._packed else "")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next; 0 at the end, or at the fault."""
        view = memoryview(buffer).cast("B")
        while not self._left and self.fault is None:
            raw = b"" if self._broken else self._next()
            if self._broken and not raw:
                self.fault = Fault("BAD_ROW", self._given, self._broken)
                break
            self._left = self._as_utf8(raw)
            if not raw:
                break
        piece, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(piece)] = piece
        self._given += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the file too."""
        if not self.closed:
            self._file.close()
        super().close()

    def _begun(self, encoding: str) -> str:
        """Return the codec, and leave out the byte order mark."""
        declared = _CODECS.get(encoding, encoding)
        bom, found = next(((bom, found) for bom, found in _BOMS if self._left.startswith(bom)), (b"", ""))
        if found == "utf-32":
            self._source.refuse("BAD_ENCODING", "is UTF-32, from its first bytes; save it as UTF-8")
        if found and declared and not found.startswith(declared):
            self._source.refuse(
                "BAD_ENCODING",
                f"is {found.upper()}, from its first bytes, not {encoding}; declare that or nothing",
            )
        if declared == "utf-16" and not found:
            self._source.refuse(
                "BAD_ENCODING", "has no byte order mark; declare utf-16-le or utf-16-be, or save it as UTF-8"
            )
        self._left = self._left[len(bom) :]
        self._marked = " with BOM" if bom else ""
        codec = found or declared or "utf-8"
        if codec != "utf-8":
            # What was read to find the mark is decoded like the rest.
            self._waiting, self._left = self._left, b""
        return codec

    _waiting = b""

    def _next(self) -> bytes:
        if self._waiting:
            waiting, self._waiting = self._waiting, b""
            return waiting
        read, size = list[bytes](), 0
        try:
            while size < self._block and (piece := self._bytes.read(self._piece)):
                read.append(piece)
                size += len(piece)
        except (OSError, pa.ArrowException) as error:
            if not self._packed:
                self._source.refuse_input(error)
            # Told once what came before it has been given.
            self._broken = f"is damaged or cut off in row {{row}}, as {self._packed}; export it again"
        return b"".join(read)

    @property
    def _piece(self) -> int:
        return min(self._block, _PIECE) if self._packed else self._block

    def _as_utf8(self, raw: bytes) -> bytes:
        if self._decoder is None:
            return raw
        begun = self._decoder.getstate()[0]
        try:
            text = self._decoder.decode(raw, final=not raw).encode()
            if self._foreign is not None:
                self.fault = self._foreign.look(begun + raw, self._given)
            return text if self.fault is None else text[: max(self.fault.offset - self._given, 0)]
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(self._codec, "ignore").encode()
            self.fault = Fault(
                "BAD_ENCODING",
                self._given + len(good),
                f"is not {self._codec} in row {{row}}; save all of it in one encoding and declare that",
            )
            return good


def _unpacked(source: Source, file: Any) -> tuple[str, Any]:
    """Return how a file is packed, by its first bytes, and what unpacks it; a packed file keeps its name or not."""
    try:
        first = file.read(_MAGIC)
        file.seek(0)
        for magic, what in _WORKBOOKS.items():
            if first.startswith(magic):
                source.refuse("BAD_ENCODING", f"is {what}, from its first bytes; save the sheet as CSV in UTF-8")
        for magic, packed in _FOREIGN.items():
            if first.startswith(magic):
                source.refuse("BAD_ENCODING", f"is packed as {packed}, from its first bytes; pack it as gzip or zstd")
        for magic, packed in _PACKED.items():
            if first.startswith(magic):
                return packed, pa.CompressedInputStream(pa.PythonFile(file, "r"), packed)
    except (OSError, pa.ArrowException) as error:
        source.refuse_input(error)
    return "", file
