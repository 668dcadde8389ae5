"""HTTP calls to addresses that a customer gave: to the public internet only, bounded in time and size."""
