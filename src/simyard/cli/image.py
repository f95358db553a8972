"""`simyard image`: what the containers of Docker targets are made of."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from simyard.cli.common import config, json_option, note, size, table, tell_json
from simyard.codes import registry
from simyard.config import Config

if TYPE_CHECKING:
    from simyard.drivers.docker.host import Host
    from simyard.drivers.docker.listing import Made

T = TypeVar("T")
on_hosts = click.option(
    "--host", "urls", multiple=True, metavar="URL", help="A Docker daemon, again for more; all of the configuration without it."
)


@click.group()
def image() -> None:
    """The image of Docker targets: build it, see what is there."""


@image.command()
@click.option("--code", "names", multiple=True, metavar="NAME", help="A code to put in, again for more; all without it.")
@click.option(
    "--base",
    metavar="IMAGE",
    help='A Debian image with Python to build on, instead of the configured one; "": make one by debootstrap.',
)
@click.option("--fresh", is_flag=True, help="Make the base by debootstrap again, with Debian's packages of today.")
@click.option("--anew", is_flag=True, help="Build even where an image of the very same content is there.")
@on_hosts
def build(names: tuple[str, ...], base: str | None, fresh: bool, anew: bool, urls: tuple[str, ...]) -> None:
    """Build the image that `[docker]` names, on every host: the agent and the chosen codes, each with its own interpreter.

    Containers that are there are made anew from it as soon as nothing runs in them; so is the agent of a user in one.
    """
    from simyard.agent import pyz
    from simyard.drivers.docker import image as images

    settings = config()
    base = settings.docker.base if base is None else base
    known = registry.load(settings)
    codes = [known.code(name) for name in names or sorted(known)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        context = folder / "context"
        context.mkdir()
        agent = pyz.build(folder / "agent.pyz")
        images.write_context(context, base or _root(settings, fresh), agent, codes, note, settings.docker.interpreters)
        _run(_built(settings, urls, context, base, anew))
    click.echo(f"{settings.docker.image} is there, with {', '.join(code.name for code in codes)}.")


@image.command("list")
@on_hosts
@json_option
def list_(urls: tuple[str, ...], as_json: bool) -> None:
    """List the images that Simyard has built: where, when, with which agent and codes, and how many containers use them."""
    found = _run(_found(config(), urls))
    if as_json:
        tell_json([_plain(one) for one in found])
        return
    rows = [
        (
            ", ".join(one.names) or "(none)", _short(one), _when(one.built), size(one.size), _agent(one), ", ".join(one.codes),
            str(one.containers), one.host,
        )
        for one in found
    ]  # fmt: skip
    table(
        ("NAME", "ID", "BUILT", "SIZE", "AGENT", "CODES", "CONTAINERS", "HOST"),
        rows,
        "No images. Build one: simyard image build.",
    )


@image.command()
@click.argument("name", required=False)
@on_hosts
@json_option
def show(name: str | None, urls: tuple[str, ...], as_json: bool) -> None:
    """Show what is in an image (the configured one, or NAME, or an id), and whether that is what is here."""
    settings = config()
    wanted = name or settings.docker.image
    found = [one for one in _run(_found(settings, urls)) if _is(one, wanted)]
    if not found:
        raise click.ClickException(f"There is no image {wanted!r} that Simyard has built. Build it: simyard image build.")
    if as_json:
        tell_json([_plain(one) for one in found])
        return
    here = {code: known.version for code, known in registry.load(settings).items()}
    for one in found:
        click.echo(
            f"{', '.join(one.names) or '(no name)'} on {one.host}: {_short(one)}, {size(one.size)}, built {_when(one.built)}"
        )
        click.echo(
            f"  Simyard {one.version}, agent {_agent(one)}, content {one.content or 'not known'}, {one.containers} containers"
        )
        for code, version in one.codes.items():
            state = (
                "as here"
                if here.get(code) == version
                else "not here"
                if code not in here
                else f"{here[code]} here: build the image again"
            )
            click.echo(f"  {code} {version} ({state})")


def _root(settings: Config, fresh: bool) -> Path:
    """The tar file of a root file system, kept in the home folder: with another one, nothing would be as it was."""
    from simyard.drivers.docker import rootfs

    tar = settings.home / "image" / f"{rootfs.SUITE}.tar"
    if fresh or not tar.exists():
        tar.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        rootfs.make(tar, note)
    return tar


async def _built(settings: Config, urls: tuple[str, ...], context: Path, base: str, anew: bool) -> None:
    from simyard.drivers.docker import building, listing
    from simyard.drivers.docker import image as images

    async with _hosts(settings, urls) as hosts:
        for host in hosts:
            async with host.asked(building.LIMIT) as docker:
                base_id = (await listing.named(docker, base))[0] if base else ""
                content = await asyncio.to_thread(images.digest, context, base_id)
                if not anew and (await listing.named(docker, settings.docker.image))[1] == content:
                    note(f"{host.url} has it already.")
                    continue
                note(f"Building on {host.url} …")
                await building.build(docker, context, settings.docker.image, note, content)


async def _found(settings: Config, urls: tuple[str, ...]) -> list[Made]:
    from simyard.drivers.docker import listing

    async with _hosts(settings, urls) as hosts:
        return [one for host in hosts for one in await listing.made(host)]


@asynccontextmanager
async def _hosts(settings: Config, urls: tuple[str, ...]) -> AsyncIterator[list[Host]]:
    from simyard import clock
    from simyard.drivers.docker.host import Host

    certificates = Path(settings.docker.certificates) if settings.docker.certificates else None
    hosts = [Host(url, clock.system, certificates) for url in urls or settings.docker.hosts]
    try:
        yield hosts
    finally:
        for host in hosts:
            await host.close()


def _run(work: Coroutine[Any, Any, T]) -> T:
    with _in_words():
        return asyncio.run(work)


@contextmanager
def _in_words() -> Iterator[None]:
    import aiodocker

    try:
        yield
    except aiodocker.DockerError as error:
        raise click.ClickException(f"Docker refuses: {error.message}") from None


def _is(one: Made, wanted: str) -> bool:
    bare = one.id.removeprefix("sha256:")
    named = wanted if ":" in wanted.rpartition("/")[2] else f"{wanted}:latest"
    return named in one.names or (len(wanted) >= 6 and bare.startswith(wanted.removeprefix("sha256:")))


def _agent(one: Made) -> str:
    from simyard import contents

    return f"{one.agent or 'not known'} ({'as here' if one.agent == contents.VERSION else 'another than here'})"


def _plain(one: Made) -> dict[str, Any]:
    from simyard import contents

    return {
        **asdict(one),
        "built": dt.datetime.fromtimestamp(one.built, dt.UTC).isoformat(),
        "current": one.agent == contents.VERSION,
    }


def _short(one: Made) -> str:
    return one.id.removeprefix("sha256:")[:12]


def _when(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M")
