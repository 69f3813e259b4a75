"""What commands and Python calls share: from user input to a run."""
