#!/bin/sh
# Has Event Grid call the blob trigger for every file a vendor drops. The key it needs exists only once the code is
# deployed, so this is a hook and not Bicep. May be repeated: the subscription is made or brought up to date.
# Deletions are found by the catalogue's sweep: blob triggers are not called for them.
set -eu
. "$(dirname "$0")/retry.sh"

# The host makes the key when it first loads a function with this trigger.
find_key() {
  key=$(az functionapp keys list --resource-group "$AZURE_RESOURCE_GROUP" --name "$AZURE_FUNCTION_NAME" \
    --query systemKeys.blobs_extension --output tsv) || return 1
  if [ -z "$key" ] || [ "$key" = None ]; then
    echo "subscribe: the function app has no key blobs_extension: did its functions load?" >&2
    return 1
  fi
}

# Event Grid waits 30 s for the answer to its handshake, and no instance is kept running: the first try may only wake it.
subscribe() {
  az eventgrid system-topic event-subscription create --resource-group "$AZURE_RESOURCE_GROUP" \
    --system-topic-name "$AZURE_EVENTS_TOPIC" --name vendor-drop --endpoint-type webhook \
    --endpoint "$AZURE_FUNCTION_URL/runtime/webhooks/blobs?functionName=Host.Functions.vendor_drop&code=$key" \
    --included-event-types Microsoft.Storage.BlobCreated \
    --subject-begins-with /blobServices/default/containers/vendor-uploads/ --output none
}

retry find_key
retry subscribe
