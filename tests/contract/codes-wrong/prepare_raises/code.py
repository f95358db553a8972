def prepare(run):
    with open("input.txt", "w") as file:
        file.write(size)
    return ["true"]
