#!/bin/sh
# Before provisioning: makes the secrets that only the deployment itself needs to know, once for each environment, and keeps
# the try-on container's image. azd stores both.
set -eu

# In a pipeline nothing is stored from run to run, so there secrets have to be given: new ones would end every session.
make() {
  if [ -n "${CI:-}" ]; then
    echo "prepare: $1 is not set: pass it to the pipeline (azd pipeline config)" >&2
    exit 1
  fi
  azd env set "$1" "$2"
}
[ -n "${JWT_KEYS:-}" ] || make JWT_KEYS "{\"k1\": \"$(openssl rand -base64 48)\"}"
[ -n "${VTO_TOKEN:-}" ] || make VTO_TOKEN "$(openssl rand -base64 48)"

# An environment that was deployed from elsewhere, by a pipeline say: without the name of its image the app would go back to
# the placeholder until it is deployed again.
if [ -z "${SERVICE_VTO_IMAGE_NAME:-}" ]; then
  id=$(az resource list --tag "azd-env-name=${AZURE_ENV_NAME:-}" --resource-type Microsoft.App/containerApps \
    --query '[0].id' --output tsv) || {
    echo "prepare: az can't read the resources: run az login" >&2
    exit 1
  }
  image=
  if [ -n "$id" ] && [ "$id" != None ]; then
    image=$(az containerapp show --ids "$id" --query 'properties.template.containers[0].image' --output tsv)
  fi
  case $image in
    '' | docker.io/library/python:*) ;;
    *) azd env set SERVICE_VTO_IMAGE_NAME "$image" ;;
  esac
fi
