"""One attempt at a problem: agents, their tools, and the outcome."""
