"""Stop 1, web: who are you, may you, what do you mean. Pages and the HTTP API; the one door to the supervisor."""
