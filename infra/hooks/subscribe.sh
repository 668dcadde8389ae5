#!/bin/sh
# Has Event Grid call the blob trigger for every file a vendor drops. The key it needs exists only once the code is
# deployed, hence a hook and not Bicep. May be repeated: the subscription is made or brought up to date.
# Deletions are found by the catalogue's sweeper: blob triggers are not told of them.
set -eu
attempts=10
while :; do
  key=$(az functionapp keys list --resource-group "$AZURE_RESOURCE_GROUP" --name "$AZURE_FUNCTION_NAME" \
    --query systemKeys.blobs_extension --output tsv)
  [ -n "$key" ] && [ "$key" != None ] && break
  attempts=$((attempts - 1))
  if [ "$attempts" -eq 0 ]; then
    echo "subscribe: the function app has no key blobs_extension: did its functions load?" >&2
    exit 1
  fi
  # the host makes the key when it first loads a function with this trigger
  sleep "${SUBSCRIBE_WAIT_S:-15}"
done
az eventgrid system-topic event-subscription create --resource-group "$AZURE_RESOURCE_GROUP" \
  --system-topic-name "$AZURE_EVENTS_TOPIC" --name vendor-drop --endpoint-type webhook \
  --endpoint "$AZURE_FUNCTION_URL/runtime/webhooks/blobs?functionName=Host.Functions.vendor_drop&code=$key" \
  --included-event-types Microsoft.Storage.BlobCreated \
  --subject-begins-with /blobServices/default/containers/vendor-uploads/ --output none
