#!/usr/bin/env bash
# The demo: a simulated shop, or the user's own file (DATA=FILE MAP=... ARGS=...), from its log to recommendations.
set -euo pipefail
cd "$(dirname "$0")/.."
arguments=(--folder build/demo)
if [ -n "${DATA:-}" ]; then arguments+=(--events "$DATA"); fi
if [ -n "${MAP:-}" ]; then arguments+=(--map "$MAP"); fi
# ARGS are further options, split as a shell splits words.
if [ -n "${ARGS:-}" ]; then eval "arguments+=($ARGS)"; fi
exec build/release/bindings/cli/pannier demo "${arguments[@]}"
