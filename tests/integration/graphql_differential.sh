#!/usr/bin/env bash
# The GraphQL engine and graphql-js say the same to generated documents.
# Runs under sanitizers too.
set -eu
cd "$(dirname "$0")/../.."
modules=$(deploy/dev/deps --node tests/differential)
folder=${TIDEGATE_RUN:-.run}/differential
rm -rf "$folder"
mkdir -p "$folder"
NODE_PATH=$modules exec node tests/differential/run.js "${BUILD:-build}/test/differential/reply" "$folder"
