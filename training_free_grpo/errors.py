"""The base class of every error that a user can fix."""


class UserError(Exception):
    """Something is wrong that a user can fix: the message says what, and how."""
