"""The one exception of reading a page."""


class PageError(Exception):
    """A page that could not be read. The message is shown to the model."""
