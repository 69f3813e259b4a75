"""The one exception of reading pages."""


class PageError(Exception):
    """A page could not be read. The message is shown to the model."""
