"""Settings of one gateway: `$ASSENT_HOME/assent.toml`, and what may stand above it."""

from gateway.settings.explain import SettingRow, explain
from gateway.settings.file import add_dataset, add_sink, checked_dataset, write_default
from gateway.settings.load import load_datasets, load_settings
from gateway.settings.sink_table import SinkSettings
from gateway.settings.tables import (
    DatasetSettings,
    EngineSettings,
    KeysSettings,
    PartySettings,
    ServerSettings,
    Settings,
    SpoolSettings,
    StoreSettings,
)

__all__ = [
    "DatasetSettings",
    "EngineSettings",
    "KeysSettings",
    "PartySettings",
    "ServerSettings",
    "SettingRow",
    "Settings",
    "SinkSettings",
    "SpoolSettings",
    "StoreSettings",
    "add_dataset",
    "add_sink",
    "checked_dataset",
    "explain",
    "load_datasets",
    "load_settings",
    "write_default",
]
