def prepare(run):
    return ["sh", "-c", "echo no lattice in ring.seq; exit 3"]
