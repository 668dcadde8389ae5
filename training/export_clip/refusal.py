"""The one error of the export: what can't be exported, and why, in a line."""


class Refused(Exception):
    """The model can't be exported as it is; the message is for the person at the terminal."""
