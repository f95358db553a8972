"""Prints until something stops it."""


def prepare(run):
    return ["sh", "-c", "while echo 0123456789012345678901234567890123456789; do :; done; sleep 1; exit 0"]
