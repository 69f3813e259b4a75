"""Making one attempt at a problem: agents, their tools, and what came of it."""
