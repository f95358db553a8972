"""The simulation codes that Simyard knows: one folder each, declared by `code.toml`; web and supervisor read, and never execute."""
