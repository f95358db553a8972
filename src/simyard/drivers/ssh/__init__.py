"""Stop 3 on the way to a cluster: who the other side is, and who we are, over ssh."""
