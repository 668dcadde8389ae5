#!/bin/sh
# Writes the studio page's only setting, the address of the API, beside the built page. Runs before the page is deployed.
set -eu
dist="$(dirname "$0")/../../web/dist"
if [ -z "${AZURE_FUNCTION_URL:-}" ]; then
  echo "page: AZURE_FUNCTION_URL is not set: run azd provision first" >&2
  exit 1
fi
if [ ! -f "$dist/index.html" ]; then
  echo "page: web/dist is not built: run ./studio web" >&2
  exit 1
fi
printf '{"apiUrl": "%s"}\n' "$AZURE_FUNCTION_URL" > "$dist/config.json"
