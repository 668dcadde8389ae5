"""Training of `garment_outline`: where a garment will be seen on a person."""
