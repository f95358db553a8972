def prepare(run):
    return work


def work(run):
    if run.inputs["cells"] > 100:
        raise IndexError("list index out of range")
