#!/usr/bin/env bash
# The table of settings in README.md is what the programs say.
set -u
cd "$(dirname "$0")/../.."
if deploy/dev/settings-table --check; then
    echo "1 passed, 0 failed"
else
    echo "0 passed, 1 failed"
    exit 1
fi
