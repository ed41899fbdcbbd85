"""Generated stubs of the tenant API; their source is proto/gateway/v1."""
