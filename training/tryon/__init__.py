"""Training of the two networks of the try-on engine `compact`: warping and composition."""
