def prepare(run):
    return ["true"]


def report(run, name, frame):
    return {"x": [1, 2], "y": [3, 4]}
