"""Where what a run has paid for is kept: files, SQLite, PostgreSQL, checkpoints, the journal."""
