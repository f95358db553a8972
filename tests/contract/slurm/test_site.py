"""The clusters that tests have: one logs in, submits what runs as an account without root, and everything can be made to go wrong."""

from __future__ import annotations

import subprocess

import pytest

from tests.slurm_site import WAITS, Site
from tests.system.page_kit import wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(300)]


def ssh(site: Site, command: str, host: str = "") -> str:
    done = subprocess.run(
        ["ssh", "-F", site.ssh_config, host or site.name, command], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_account_logs_in_and_its_job_runs(pool: Site, annex: Site) -> None:
    for site in (pool, annex):
        before = len(site.calls("sbatch"))
        said = ssh(
            site,
            f'bash -lc \'sbatch --parsable --wait --wrap "{site.python} -c \\"import numpy, cpymad; print(42)\\"; id -un"; cat slurm-*.out\'',
        )
        assert said.split()[1:] == ["42", site.account.name]
        assert len(site.calls("sbatch")) == before + 1
        assert site.cluster.name in ssh(site, "scontrol show config")


def test_a_program_waits_until_it_may_go_on_and_the_login_is_killed_but_not_the_job(pool: Site) -> None:
    ssh(pool, "bash -lc 'sbatch --wrap \"sleep 100\"'")
    pool.cluster.until(lambda: pool.jobs("running"))
    with (
        pool.fault("squeue", WAITS),
        subprocess.Popen(["ssh", "-F", pool.ssh_config, "pool-by-wire", "bash -lc squeue"]) as asking,
    ):
        wait_until(lambda: pool.reached, 60)
        assert pool.login_processes()
        pool.kill_login()
        assert asking.wait(60) != 0
    assert pool.jobs("running")
    pool.clear()
    assert not pool.jobs()
