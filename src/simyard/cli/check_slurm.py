"""Slurm, step by step, as an agent there would speak with it: its programs, its partitions, and a job of one second."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import time
from collections.abc import Mapping, Sequence

from simyard import clock
from simyard.agent.slurm import meaning, text
from simyard.agent.slurm.programs import LIMIT, Answer, Programs, Unanswered
from simyard.agent.slurm.queue import Queue, Refused
from simyard.agent.slurm.script import script
from simyard.cli.check_there import last
from simyard.cli.check_trip import Stuck, Trip
from simyard.cli.common import seconds
from simyard.drivers.base import DriverError
from simyard.errors import InvalidRequest
from simyard.protocol.batch import Batch, Partition, Site, check
from simyard.protocol.ids import ulid

NEEDED, WANTED = ("sbatch", "squeue", "scancel", "scontrol"), ("sacct", "srun")
#: What a job wrote is seen on the login node after so long at the latest: file systems of clusters are slow to tell (seconds).
SHARED = 30.0
_LOOK = 1.0
_MARK = "simyard-begins"
#: Its own settings of these programs change what they do and print; an agent leaves them out, too.
_PLAIN = (
    "for name in ${!SBATCH_*} ${!SQUEUE_*} ${!SACCT_*} ${!SCANCEL_*} ${!SLURM_*}; do "
    f'case "$name" in {"|".join(text.KEPT)}) ;; *) unset "$name" ;; esac; done; '
    + "".join(f"export {name}={shlex.quote(value)}; " for name, value in text.ENVIRONMENT.items())
)
#: Reasons for which a job waits although nothing is wrong.
_BUSY = frozenset({"", "None", "Priority", "Resources", "BeginTime", "Reservation", "Prolog"})


class Far(Programs):
    """Slurm's programs on a login node, over ssh."""

    def __init__(self, trip: Trip) -> None:
        super().__init__({})
        self._trip = trip

    async def run(
        self, command: Sequence[str], text: str = "", limit: float = LIMIT, environment: Mapping[str, str] | None = None
    ) -> Answer:
        """As an agent there would: what a job is to have of its environment is the login's, all the same."""
        try:
            status, out, err = await self._trip.run(f"{_PLAIN}echo {_MARK}; exec {shlex.join(command)}", text.encode(), limit)
        except DriverError as error:
            raise Unanswered(f"{command[0]}: {error.detail}") from None
        # before it stands what a profile prints
        return Answer(status, out.partition(f"{_MARK}\n")[2], err)


async def programs(trip: Trip) -> str:
    """They are there, in the environment of a login."""
    listed = " ".join((*NEEDED, *WANTED))
    _, out, _ = await trip.run(f"for one in {listed}; do command -v $one; done; printf '\\n'; sbatch --version")
    found = {line.rsplit("/", 1)[-1] for line in out.splitlines()}
    missing = [one for one in NEEDED if one not in found]
    if missing:
        raise Stuck(
            f"{', '.join(missing)} not found on {trip.there.name} by `bash -l`.",
            "Is this a login node of the cluster? Where Slurm is a module, load it in ~/.bash_profile there.",
        )
    version = re.findall(r"^slurm\S* .*$", out, re.MULTILINE)
    without = [one for one in WANTED if one not in found]
    return f"{version[-1] if version else 'found'}{f', without {chr(44).join(without)}' if without else ''}"


async def partitions(trip: Trip) -> str:
    """The controller answers, and what the configuration says of partitions can be."""
    known = await _partitions(trip)
    told = ", ".join(_told(one) for one in known.values())
    try:
        check(_wanted(trip, known), 0, 60.0, known)
    except InvalidRequest as error:
        raise Stuck(f"{error.detail} There are: {told}.", "Mend the cluster's section of simyard.toml.") from None
    return f"{told}{await _accounting(trip)}"


async def job(trip: Trip) -> str:
    """A job of one second is submitted, runs, ends, and what it wrote is seen here."""
    known = await _partitions(trip)
    queue = Queue(Far(trip), await _who(trip), time.monotonic, clock.system)
    run, folder = ulid(clock.system(), os.urandom), f"{trip.root}/job"
    # what is running there belongs to the job cmd of a run: so does its Python
    inner = (
        f"echo simyard node $(uname -n); echo simyard python $({trip.there.python or 'false'} -I -c "
        "'import sys; print(sys.version.split()[0])'); sleep 1; echo simyard done"
    )
    site = Site(template=tuple(trip.cluster.template.splitlines()), launcher=trip.cluster.launcher)
    body = script(run, folder, _wanted(trip, known), 0, 60.0, site=site, command=["bash", "-c", inner])
    trip.left.append(trip.root)
    where = shlex.quote(folder)
    status, _, err = await trip.run(f"umask 077; mkdir -p {where} && cat >{where}/job.sh", body.encode())
    if status != 0:
        raise Stuck(f"{folder} cannot be written to: {err}.")
    began = time.monotonic()
    try:
        number = await queue.submit(f"{folder}/job.sh")
    except Refused as error:
        raise Stuck(
            error.detail,
            "Set `account`, `partition`, `qos` or `extra` in the cluster's section of simyard.toml, as the site wants to have them.",
        ) from None
    try:
        seen = await _over(queue, run, trip.patience)
    except BaseException:
        await queue.cancel([number])
        raise
    said = await _written(trip, f"{folder}/slurm.out", ended_well=seen.state == "COMPLETED")
    if seen.state != "COMPLETED":
        last = " ".join(said.split())[-500:]
        raise Stuck(f"Job {number} ended as {seen.state}: {meaning.meaning(seen).words}{f' It printed: {last}' if last else ''}")
    if "simyard done" not in said:
        raise Stuck(
            f"Job {number} has ended, and what it printed is not in {folder} on {trip.there.name}.",
            "Set `directory` to a place that login and compute nodes share.",
        )
    version = re.search(r"^simyard python (\S+)$", said, re.MULTILINE)
    node = re.search(r"^simyard node (\S+)$", said, re.MULTILINE)
    took = f"job {number} ran on {node[1] if node else '?'}, over after {seconds(time.monotonic() - began)}"
    if trip.there.python and version is None:
        raise Stuck(
            f"{took}; but {trip.there.python} does not run there.",
            "Name a Python that compute nodes have, too: `pythons`, or `python` and `setup` of each code in simyard.toml.",
        )
    return f"{took}{f', with Python {version[1]}' if version else ''}"


async def _over(queue: Queue, run: str, patience: float) -> text.Seen:
    """The job, once it is over. Raises Stuck where that takes too long: it has to be cancelled then."""
    until, seen = time.monotonic() + patience, None
    while time.monotonic() < until:
        found = await queue.find(run)
        seen = found or seen
        if found is not None and meaning.meaning(found).is_over:
            return found
        await asyncio.sleep(_LOOK)
    if seen is None:
        raise Stuck("The job was submitted, and squeue does not tell of it.", "`squeue` there, by hand, may say more.")
    if seen.state != "PENDING":
        raise Stuck(
            f"The job is {seen.state} after {patience:.0f} s; it was cancelled.", "`--patience` waits longer.", unsure=True
        )
    words = f"The job still waits after {patience:.0f} s: {meaning.reason(seen.reason)}. It was cancelled."
    raise Stuck(words, "`--patience` waits longer." if seen.reason in _BUSY else "", unsure=seen.reason in _BUSY)


async def _written(trip: Trip, path: str, *, ended_well: bool) -> str:
    """What a job has printed, once it is seen on the login node; "" where it never is."""
    until = time.monotonic() + (SHARED if ended_well else 5.0)
    while True:
        _, out, _ = await trip.run(f"head -c 65536 -- {shlex.quote(path)}")
        if "simyard done" in out or time.monotonic() > until:
            return out
        await asyncio.sleep(_LOOK)


async def _partitions(trip: Trip) -> dict[str, Partition]:
    try:
        known = await Queue(Far(trip), "", time.monotonic, clock.system).partitions()
    except Unanswered as error:
        raise Stuck(
            f"Slurm's controller does not answer ({error.detail}).", "Wait, or ask the site: what runs there goes on without it."
        ) from None
    if not known:
        raise Stuck("The cluster has no partition that this account sees.", "Ask the site whether the account may use it.")
    return known


def _wanted(trip: Trip, known: dict[str, Partition]) -> Batch:
    """What a run would ask for whose user says nothing; where there is no default, the first that takes jobs."""
    cluster = trip.cluster
    named = cluster.partition
    if not named and not any(one.default for one in known.values()):
        named = next((one.name for one in known.values() if one.up), "")
    return Batch(partition=named, account=cluster.account, qos=cluster.qos, constraint=cluster.constraint, extra=cluster.extra)


async def _who(trip: Trip) -> str:
    _, out, _ = await trip.run("id -un")
    return last(out) or str(trip.there.uid)


async def _accounting(trip: Trip) -> str:
    answer = await Far(trip).run(["sacct", "--noheader", "--parsable2", "--jobs=1", "--format=JobIDRaw"])
    if answer.status == 0:
        return "; with accounting"
    return "; without accounting: what became of a job is known for some minutes after its end, by Slurm"


def _told(one: Partition) -> str:
    limit = "" if one.time_limit is None else f", {seconds(one.time_limit)}"
    marks = f"{', default' if one.default else ''}{'' if one.up else ', takes no jobs'}"
    return f"{one.name} ({one.nodes} node{'' if one.nodes == 1 else 's'}{limit}{marks})"
