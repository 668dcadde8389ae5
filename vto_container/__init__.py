"""The try-on container: an HTTP service that puts garments on people, one run at a time."""
