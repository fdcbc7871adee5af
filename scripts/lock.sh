#!/bin/sh
# Writes requirements/run.txt and requirements/dev.txt: versions with hashes, without any registry's address.
set -eu
compile() {
    .venv/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate "$@" pyproject.toml
}
compile --output-file requirements/run.txt
compile --extra dev --output-file requirements/dev.txt
