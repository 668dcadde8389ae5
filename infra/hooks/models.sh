#!/bin/sh
# Puts the models that the try-on container loads into our own storage: its image carries none. May be repeated.
# FASHN's weights are put there when they have been pulled (./studio models pull fashn) and the GPU is used.
set -eu
cd "$(dirname "$0")/../.."
. infra/hooks/retry.sh
put() {
  retry az storage blob upload-batch --auth-mode login --account-name "$AZURE_STORAGE_NAME" --destination models \
    --destination-path "$1" --source "$2" --pattern "$3" --overwrite --output none
}
if [ "${VTO_PROFILE:-cpu}" = a100 ] && [ ! -d .studio/weights/fashn ]; then
  echo "models: run ./studio models pull fashn first: the GPU's engine has no weights" >&2
  exit 1
fi
put shipped models_onnx 'garment_parser.[!f]*'
put shipped models_onnx 'tryon_*'
if [ "${VTO_PROFILE:-cpu}" = a100 ]; then
  put fashn .studio/weights/fashn '*'
fi
