"""The command line: one command group per resource, results on stdout, progress on stderr."""

from gateway.cli.app import app
from gateway.cli.arguments import in_order
from gateway.cli.audit import app as audit_app
from gateway.cli.dataset import app as dataset_app
from gateway.cli.ending import run_command
from gateway.cli.sink import app as sink_app

__all__ = ["app", "audit_app", "dataset_app", "in_order", "run_command", "sink_app"]
