def prepare(run):
    return ["sleep", "0.8"]


def progress(run):
    with open("not-yet.txt") as file:
        return {"fraction": float(file.read())}
