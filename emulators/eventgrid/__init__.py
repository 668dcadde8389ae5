"""Event Grid on this machine: pushes the storage's `BlobCreated` events to the subscriptions of blob triggers."""
