"""From groups of attempts to edits of the library."""
