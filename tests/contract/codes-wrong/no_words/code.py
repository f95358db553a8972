def prepare(run):
    size = 1.0 / run.inputs["cells"]
    return ["true", str(size)]
