"""What all runs of an agent share on a cluster."""

from __future__ import annotations

import asyncio

from simyard.agent.slurm.shared import Slurm


def test_the_files_of_few_runs_are_looked_at_often_and_those_of_many_no_oftener_than_once_a_second() -> None:
    async def story() -> None:
        slurm = Slurm({}, 5.0, "runner.py")
        found = {}
        for number in range(1, 301):
            slurm.enter(f"R{number}", lambda: None)
            found[number] = slurm.pause
        assert found[1] <= 0.2
        assert found[300] == 1.0
        assert all(number / pause <= 10 for number, pause in found.items() if pause < 1.0)

    asyncio.run(story())
