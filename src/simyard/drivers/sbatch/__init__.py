"""Stop 3 on the way to a cluster: a user's login there, and their agent on its login node."""
