"""Compare formulas by value: modules that run in the sandbox, and import nothing else of ours."""
