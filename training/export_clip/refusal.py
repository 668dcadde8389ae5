"""The error of the export: a one-line reason why a model cannot be exported."""


class Refused(Exception):
    """The model cannot be exported; the message is shown in the terminal."""
