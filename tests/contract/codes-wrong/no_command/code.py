def prepare(run):
    return ["nosuchprogram", "input.txt"]
