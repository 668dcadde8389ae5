"""Try-on engines that are shared by the app and the try-on container: the port, and the engines of hosted services.

The app runs hosted engines itself, since they need no model of ours; the container runs those with weights.
"""
