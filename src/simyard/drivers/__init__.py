"""Stop 3, the drivers: each starts, finds and stops agents on one kind of target."""
