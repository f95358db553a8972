def prepare(run):
    return ["true"]


def report(run, name, frame):
    return {"data": [{"type": "scatter", "x": [1, 2, 3], "y": [3, 4]}]}
