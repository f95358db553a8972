"""An agent on a cluster makes the environment of a code: complete or not at all, from packages that were sent, and says what it has."""

from __future__ import annotations

import asyncio
import base64
import ensurepip
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simyard.agent import environments
from simyard.codes import archive, code_toml
from simyard.protocol import agents as talk
from tests import source_package
from tests.contract.agent_kit import Bench
from tests.contract.test_agent_fetching import Store, a_spec, made, play, start

NAME = "small-0123456789ab"
WHEEL = "tiny_package-1.0-py3-none-any.whl"
CODE_PY = "import tiny_package\n\ndef prepare(run):\n    return ['true']\n"


def a_wheel() -> bytes:
    """A package of one line."""
    info = "tiny_package-1.0.dist-info"
    files = {
        "tiny_package.py": b"ANSWER = 42\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: Tiny.Package\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in files.items()
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as pack:
        for name, data in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            pack.writestr(name, data)
    return buffer.getvalue()


class Asking:
    """What a supervisor asks about one environment, whose code has `code_py` and is pinned to `pinned`."""

    def __init__(
        self,
        at: Bench,
        store: Store,
        folder: Path,
        *,
        code_py: str = CODE_PY,
        package: str = "tiny-package",
        pinned: bytes = b"",
        first: int = 0,
    ) -> None:
        # no number twice, whoever asks: one after another begins at its own `first`
        self._at, self._op = at, first
        wheel = a_wheel()
        where = folder / "codes" / "small"
        where.mkdir(parents=True)
        (where / "code.toml").write_text(
            'title = "Small"\npython = "small"\nrequires = ["tiny-package"]\n[models.a]\nkind = "long"\n'
        )
        (where / "code.py").write_text(code_py)
        (where / "requirements.lock").write_text(f"{package}==1.0 --hash=sha256:{hashlib.sha256(pinned or wheel).hexdigest()}\n")
        self.packed = archive.pack(code_toml.read(where), folder / "archives")
        store.add(archive.path_of(folder / "archives", self.packed.archive).read_bytes())
        # as the command line sends one: without it each environment would take seconds to get the one that Python has
        (pip,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
        self.pip = {pip.name: store.add(pip.read_bytes())}
        self.wheels = {WHEEL: store.add(wheel), **self.pip}

    async def ask(self, *, begin: bool = False, **more: Any) -> tuple[str, Any]:
        self._op += 1
        fields = {
            "environment": NAME, "code": "small", "code_dir": self.packed.code_dir, "archive": self.packed.archive,
            "requires": ("tiny-package",), "wheels": self.wheels if begin else {},
        }  # fmt: skip
        closed, data = await self._at.supervisor.fetch(talk.MakeEnvironment(op=self._op, begin=begin, **{**fields, **more}))
        return closed.code, json.loads(data) if data else closed.detail

    async def over(self, limit: float = 60.0) -> Any:
        """How it ended."""
        return await self.until(lambda told: told["state"] != "running", limit)

    async def until(self, is_so: Callable[[Any], bool], limit: float = 60.0) -> Any:
        """What is told once that is so."""
        told = (await self.ask())[1]
        async with asyncio.timeout(limit):
            while not is_so(told):
                await asyncio.sleep(0.1)
                told = (await self.ask())[1]
        return told


def there(at: Bench) -> list[str]:
    """The environments that the agent has told of last."""
    told = [one for one in at.supervisor.said if isinstance(one, talk.Environments)]
    return [one.name for one in told[-1].environments] if told else []


def left(at: Bench) -> list[str]:
    return sorted(path.name for path in (at.root / "envs").iterdir())


def test_it_is_made_of_what_was_sent_and_runs_take_it(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        asking = Asking(at, store, tmp_path)
        assert (await asking.ask())[1]["state"] == "idle"
        assert there(at) == []
        run = start(at, {}, code_dir=asking.packed.code_dir, archive=asking.packed.archive, python=f"envs/{NAME}/bin/python")
        await at.supervisor.until(lambda: any(isinstance(one, talk.StartFailed) for one in at.supervisor.said))
        (failed,) = [one for one in at.supervisor.said if isinstance(one, talk.StartFailed)]
        assert failed.run == run
        assert "Its environment is not there any more. Run `simyard code install" in failed.reason
        assert (await asking.ask(begin=True))[1]["state"] == "running"
        told = await asking.over()
        assert told["state"] == "done", told
        assert any("Installing tiny-package" in line for line in told["lines"])
        await at.supervisor.until(lambda: there(at) == [NAME])
        (one,) = [one for one in at.supervisor.said if isinstance(one, talk.Environments)][-1].environments
        assert one.versions["tiny-package"] == "1.0"
        python = at.root / "envs" / NAME / "bin" / "python"
        asked = await asyncio.create_subprocess_exec(
            python, "-c", "import tiny_package; print(tiny_package.ANSWER)", stdout=asyncio.subprocess.PIPE
        )
        assert (await asked.communicate())[0] == b"42\n"
        spec = a_spec(
            at, "", {}, code_dir=asking.packed.code_dir, archive=asking.packed.archive, python=f"envs/{NAME}/bin/python"
        )
        closed, data = await at.supervisor.fetch(talk.MakeInput(op=1000, spec=spec, seconds=20.0, memory=1 << 30))
        assert (closed.code, json.loads(data)["command"]) == ("", ["true"])

    play(tmp_path, story)


def test_a_source_that_was_sent_is_built_there_if_it_is_what_was_pinned(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        source = source_package.made()
        for at_op, pinned in enumerate((b"another", source)):
            asking = Asking(
                at,
                store,
                tmp_path / str(at_op),
                code_py=CODE_PY.replace("tiny_package", "made_there"),
                package="made-there",
                pinned=pinned,
                first=1000 * at_op,
            )
            asking.wheels = {source_package.NAME: store.add(source), **asking.pip}
            await asking.ask(begin=True)
            told = await asking.over()
            assert told["state"] == ("done" if pinned == source else "failed"), told["lines"]
            assert any("HASHES" in line for line in told["lines"]) == (pinned != source)
        asked = await asyncio.create_subprocess_exec(
            at.root / "envs" / NAME / "bin" / "python", "-c", "import made_there; print(made_there.ANSWER)",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert (await asked.communicate())[0] == b"43\n"

    play(tmp_path, story)


def test_an_environment_that_lacks_what_it_was_made_with_is_told_of(tmp_path: Path) -> None:
    envs = tmp_path / "envs"
    site = envs / NAME / "lib" / "python3.11" / "site-packages"
    for name in ("tiny_package-1.0.dist-info", "Old.One-1.egg-info"):
        (site / name).mkdir(parents=True)
    (site / "tiny_package-1.0.dist-info" / "METADATA").touch()
    (envs / NAME / "bin").mkdir()
    (envs / NAME / "bin" / "python").symlink_to("/usr/bin/env")
    (envs / NAME / "simyard.json").write_text('{"python": "3.11.2", "versions": {"Tiny.Package": "1.0", "old-one": "1"}}')

    def broken() -> str:
        (found,) = environments.there(str(envs))
        return found.broken

    assert broken() == ""
    # as a rule clears files that nobody has read for long, and leaves folders
    (site / "tiny_package-1.0.dist-info" / "METADATA").unlink()
    assert broken() == "tiny-package is not in it any more"
    (envs / NAME / "bin" / "python").unlink()
    (envs / NAME / "bin" / "python").symlink_to("/usr/bin/python3.0")
    assert broken() == "its Python is not there any more"


def test_what_is_not_what_was_pinned_leaves_nothing(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        asking = Asking(at, store, tmp_path, pinned=b"another")
        await asking.ask(begin=True)
        told = await asking.over()
        assert told["state"] == "failed"
        assert told["status"] != 0
        assert any("HASHES" in line for line in told["lines"]), told["lines"]
        assert left(at) == []
        assert there(at) == []

    play(tmp_path, story)


def test_a_code_that_does_not_load_there_is_not_installed_and_one_before_it_stays(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        before = at.root / "envs" / "small-ffffffffffff"
        (at.root / "envs" / ".small-ffffffffffff-x" / "bin").mkdir(parents=True)
        before.symlink_to(".small-ffffffffffff-x")
        (before / "simyard.json").write_text('{"python": "3.11.2", "versions": {}}')
        asking = Asking(at, store, tmp_path, code_py="import no_such_package\n")
        await asking.ask(begin=True)
        told = await asking.over()
        assert (told["state"], told["code"]) == ("failed", "does-not-load")
        assert "No module named 'no_such_package'" in told["error"]
        assert left(at) == [".small-ffffffffffff-x", "small-ffffffffffff"]

    play(tmp_path, story)


def test_an_agent_that_leaves_breaks_it_off_and_keeps_nothing(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        asking = Asking(at, store, tmp_path, code_py=f"open({str(fifo)!r}).read()\n")
        await asking.ask(begin=True)
        await asking.until(lambda told: "Trying it …" in told["lines"])
        # begun once, however often it is asked for
        assert (await asking.ask(begin=True))[1]["lines"][-1] == "Trying it …"
        at.supervisor.say(talk.Leave(reason="the test is over"))
        await at.supervisor.until(lambda: not left(at), 60)

    play(tmp_path, story)


def test_names_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    async def story(at: Bench, store: Store) -> None:
        asking = Asking(at, store, tmp_path)
        sha = asking.wheels[WHEEL]
        for wrong in (
            {"environment": "../up-0123456789ab"}, {"environment": "small"}, {"wheels": {"../x.whl": sha}}, {"wheels": {"-r.whl": sha}},
            {"wheels": {WHEEL: "../../x"}},
        ):  # fmt: skip
            code, detail = await asking.ask(begin=True, **wrong)
            assert code == "malformed", (wrong, detail)
        assert not (at.root / "envs").exists()
        run = start(at, {})
        await made(at, run)

    play(tmp_path, story)
