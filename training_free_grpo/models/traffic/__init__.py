"""When a model call is sent, and what happens when it fails."""
