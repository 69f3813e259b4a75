"""The process that programs are forked from: standard library only, started with nothing of ours.

It runs under the name `forkserver`, apart from the package, in an environment built from nothing.
"""
