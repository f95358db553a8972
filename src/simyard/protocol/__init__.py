"""The conversation between the parts: what is said, in which words, and what is refused. Standard library only.

Read in this order: `jobs` (states, runs), `asking` (web and supervisor), `agents` (supervisor and agent),
`wire` (how a message becomes bytes), `rundir` (what a run directory holds).
"""
