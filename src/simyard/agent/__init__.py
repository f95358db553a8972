"""Stop 4, the agent: one process per user and target, which runs job cmds and follows run directories.

Read in this order: `following` and `judgement` (pure: what the files say, and what is to be done about it), `keeper` (one
run, from its start until it is settled), `agent` (the switchboard), `session` (the connection). Runs on Python 3.9 and newer.
"""
