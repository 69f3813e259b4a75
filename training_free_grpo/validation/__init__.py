"""Whether a library is better than the one a run started from, and which lessons cause it."""
