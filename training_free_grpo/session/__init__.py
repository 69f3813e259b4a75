"""What a command and a call from Python have in common: from what people give to a run."""
