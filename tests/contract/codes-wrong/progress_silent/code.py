def prepare(run):
    return ["sleep", "1.5"]
