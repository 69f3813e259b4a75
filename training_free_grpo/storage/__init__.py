"""Storage of what a run has paid for: files, SQLite, PostgreSQL, checkpoints, the journal."""
