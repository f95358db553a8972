def prepare(run):
    command = ["true"]
