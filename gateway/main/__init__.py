"""The command `assent`: the CLI with what needs this machine's files and all adapters."""

from __future__ import annotations

import sys

import typer

from gateway.cli import app, audit_app, dataset_app, in_order, run_command, sink_app
from gateway.main import dataset, demo, evidence, fsck, keys, recover, serve, sink

app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
audit_app.command("recover")(recover.recover)
audit_app.command("fsck")(fsck.fsck)
app.add_typer(evidence.app, name="evidence", help="What opened erased people's log entries; two officers.")
app.add_typer(keys.app, name="keys", help="Keys, certificate, card and tokens of this home.")
dataset_app.command("add")(dataset.add)
sink_app.command("add")(sink.add)
config_app = typer.Typer(no_args_is_help=True, help="Settings of this home.")
config_app.callback()(lambda: None)
config_app.command("show")(dataset.show_config)
app.add_typer(config_app, name="config")


def main() -> int:
    """Run the command line and return its exit code."""
    return run_command(lambda: app(in_order(sys.argv[1:]), prog_name="assent"))
