"""Stop 5: the process that touches a code. `runner` is one stand-alone script and imports nothing of Simyard."""
