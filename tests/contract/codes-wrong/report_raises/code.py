def prepare(run):
    return ["true"]


def report(run, name, frame):
    with open("curve.csv") as file:
        return file.read()
