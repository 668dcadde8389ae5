"""The two networks of the compact try-on engine: one places a garment on a body, one composes the picture."""
