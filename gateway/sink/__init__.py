"""Files and tables outside into which results are put: whole or not at all, and rows out of them again."""

from gateway.sink.sinks import Sinks

__all__ = ["Sinks"]
