"""Conversions as stored: a person's image and a garment's in, the image of the person in the garment out."""
