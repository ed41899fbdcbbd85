"""What the gateway says about itself: structured log lines that cannot hold an identifier."""

from gateway.telemetry.log import configure_log, get_logger, silence_log
from gateway.telemetry.redaction import KNOWN_KEYS

__all__ = ["KNOWN_KEYS", "configure_log", "get_logger", "silence_log"]
