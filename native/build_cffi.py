"""Write the cffi wrapper of the native module: `build_cffi.py api.h wrapper.cpp`."""

from __future__ import annotations

import sys
from pathlib import Path

from cffi import FFI
from cffi.recompiler import recompile

MODULE = "gateway.kernel._native"


def declarations(header: str) -> str:
    """Return the part of api.h that cffi can read, between its two marks."""
    return header.split("// cffi: begin")[1].split("// cffi: end")[0]


def main(header: Path, wrapper: Path) -> None:
    """Generate the wrapper; API mode, so the C++ compiler checks every signature and calls release the GIL."""
    ffi = FFI()
    ffi.cdef(declarations(header.read_text(encoding="utf-8")))
    ffi.set_source(MODULE, '#include "api.h"', source_extension=".cpp")
    recompile(ffi, MODULE, '#include "api.h"', c_file=str(wrapper), call_c_compiler=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
