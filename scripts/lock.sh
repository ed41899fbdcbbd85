#!/usr/bin/env bash
# Resolves requirements.lock from pyproject.toml: runtime, dev and build tools for every platform, with hashes.
# Configuration of the machine is left out on purpose: a private index or a local wheel must not leak into the lock.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

clean=(env -u UV_INDEX -u UV_DEFAULT_INDEX -u UV_EXTRA_INDEX_URL -u UV_INDEX_URL -u UV_FIND_LINKS -u UV_CONFIG_FILE)
exec "${clean[@]}" uv --no-config pip compile pyproject.toml --group dev \
    --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --custom-compile-command 'make lock' --quiet --output-file requirements.lock "$@"
