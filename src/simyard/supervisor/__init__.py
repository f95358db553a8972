"""Stop 2, the brain: core, gates and reactor decide and do no I/O; outbox is the one door out; the rest is the shell."""
