"""Stop 3, the docker driver: a container for each user on a pool of hosts, in which that user's agents live."""
