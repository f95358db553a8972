def prepare(run):
    return ["sleep", "1000"]
