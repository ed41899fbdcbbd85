"""The spool: stage files, sealed run state and sealed results on this machine's disk.

Adapters of SpoolPort, StageFile and ResultPort. Nothing here holds a raw
identifier; whatever depends on a secret is sealed under a key of its own.
"""

from gateway.spool.results import Results
from gateway.spool.spool import Spool

__all__ = ["Results", "Spool"]
