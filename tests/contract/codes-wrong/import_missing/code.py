import nosuchpackage


def prepare(run):
    return ["true"]
