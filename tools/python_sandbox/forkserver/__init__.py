"""The process that programs are forked from: standard library only, isolated from our process.

It runs under the name `forkserver`, apart from the package, in an environment built from nothing.
"""
