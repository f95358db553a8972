import os


def prepare(run:
    return ["true"]
