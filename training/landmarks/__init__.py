"""The landmarks of a garment in its photo, and what kind of garment it is."""
