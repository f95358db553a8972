"""The least that a code can be."""


def prepare(run):
    return ["sleep", "0.2"]
