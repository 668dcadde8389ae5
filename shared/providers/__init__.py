"""What all providers have in common: a circuit that opens when only an operator can help."""
