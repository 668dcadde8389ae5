"""Garments drawn to look photographed: cuts, cloth, light and backgrounds."""
