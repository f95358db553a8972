def prepare(run):
    return ["true"]
