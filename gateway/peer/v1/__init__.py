"""Generated stubs of the party to party API; their source is proto/gateway/peer/v1."""
