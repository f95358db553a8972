def prepair(run):
    return ["true"]
