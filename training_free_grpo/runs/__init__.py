"""Runs in a folder: train, evaluate, resume, replay, review."""
