def prepare(run):
    return ["true"]


def report(run, name, frame):
    return {"data": []}
