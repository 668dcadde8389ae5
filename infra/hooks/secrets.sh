#!/bin/sh
# Makes the secrets that only the deployment itself needs to know, once for each environment: azd stores them.
# In a pipeline nothing is stored from run to run, so there they have to be given: new ones would end every session.
set -eu
make() {
  if [ -n "${CI:-}" ]; then
    echo "secrets: $1 is not set: pass it to the pipeline (azd pipeline config)" >&2
    exit 1
  fi
  azd env set "$1" "$2"
}
[ -n "${JWT_KEYS:-}" ] || make JWT_KEYS "{\"k1\": \"$(openssl rand -base64 48)\"}"
[ -n "${VTO_TOKEN:-}" ] || make VTO_TOKEN "$(openssl rand -base64 48)"
