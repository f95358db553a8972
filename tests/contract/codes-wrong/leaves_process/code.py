def prepare(run):
    return ["sh", "-c", "sleep 1000 & exit 0"]
