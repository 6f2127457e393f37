#!/bin/sh
# Puts Chromium and its driver on the machine, for the tests of the page. Debian and its kin; elsewhere install both by the
# means of the system, or name them in CHROMIUM and CHROMEDRIVER.
set -eu

if command -v "${CHROMIUM:-chromium}" >/dev/null && command -v "${CHROMEDRIVER:-chromedriver}" >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "tests/page/setup.sh: no apt-get here: install chromium and chromedriver, or name them in CHROMIUM and CHROMEDRIVER" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium chromium-driver
