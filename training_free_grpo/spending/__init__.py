"""What a run may cost, will cost and did cost."""
