"""The base class of all errors that a user can fix."""


class UserError(Exception):
    """An error that a user can fix: the message gives the cause and the remedy."""
