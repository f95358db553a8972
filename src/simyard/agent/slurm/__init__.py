"""Stop 4 on a cluster: what Slurm's programs are asked, what their answers mean, and the script of a run. Pure."""
