#!/bin/bash
# Installs what the build, the tests and the demo need from the distribution (Debian 12).
# Usage: tools/setup.sh [extra package...]     PANNIER_NO_INSTALL=1 skips it.
set -euo pipefail

packages=(g++ cmake ninja-build ccache
          libeigen3-dev libtbb-dev nlohmann-json3-dev libxxhash-dev
          libsqlite3-dev zlib1g-dev libhwy-dev
          catch2 libbenchmark-dev libcli11-dev
          python3-dev pybind11-dev python3-numpy python3-scipy python3-pytest
          php-cli python3-pandas python3-matplotlib
          "$@")

if [[ -n "${PANNIER_NO_INSTALL:-}" && "${PANNIER_NO_INSTALL}" != 0 ]]; then
  exit 0
fi
if ! command -v dpkg-query >/dev/null; then
  echo "setup: this is not Debian or one of its kin; install these yourself and set PANNIER_NO_INSTALL=1: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ "$state" == installed ]] || missing+=("$package")
done
if (( ${#missing[@]} == 0 )); then
  exit 0
fi

as_root=()
if (( $(id -u) != 0 )); then
  if ! command -v sudo >/dev/null; then
    echo "setup: neither root nor sudo; ask an administrator to install: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -q -y \
  --no-install-recommends "${missing[@]}"
