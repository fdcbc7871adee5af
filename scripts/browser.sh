#!/bin/sh
# A browser for the page's tests: the platform's own Chromium, where apt can bring it. Without one they are skipped.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "installing Chromium for the page tests"
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-color-emoji fonts-dejavu-core) >/dev/null 2>&1 && exit 0
fi
echo "no Chromium here: the page tests will be skipped (install the package 'chromium' to run them)"
