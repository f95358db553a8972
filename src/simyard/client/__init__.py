"""The Python client: everything that a page can do, from a script, a notebook or a terminal. Standard library only.

from simyard.client import Client

client = Client()                       # the Simyard that runs for this account
run = client.run("madx", "twiss", example="storage_ring").wait()
print(run.results, run.report("beta")["layout"])
"""

from simyard.client.client import Client
from simyard.client.runs import FINAL, RemoteRun
from simyard.errors import SimyardError

__all__ = ["FINAL", "Client", "RemoteRun", "SimyardError"]
