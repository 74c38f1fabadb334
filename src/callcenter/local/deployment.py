"""Deploys a configuration to the running Asterisk, and goes back by itself when anything of it fails.

Theory of operation. check → nothing that needs a restart → prompts are made → no running call stands where steps have
moved → prompts and files, each in one step → reload of the modules concerned → what is loaded is what was sent → a call
through it. When one of the last three fails, prompts and files of before come back the same way, and the record says
why. A call in progress keeps its context, extension and step *number* over a reload: so those who stand before a
changed step are waited for.
"""

import asyncio
import fcntl
import getpass
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from callcenter import clock
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import AmiFault
from callcenter.ami.model import Address
from callcenter.dialplan import loaded
from callcenter.dialplan.deployments import Archive, Deployment, Vault
from callcenter.dialplan.difference import differences, in_the_way
from callcenter.dialplan.placing import replace_file
from callcenter.dialplan.reloads import needs_restart, to_reload
from callcenter.dialplan.sounds import Sounds, forget_sounds, make_sounds, put_sounds, sound_changes, sounds_in_force
from callcenter.dialplan.source import read_dialplan
from callcenter.errors import NotAllowed, PartUnavailable
from callcenter.local import asterisk, places, self_test
from callcenter.local.asterisk import Instance, hand_over
from callcenter.local.checking import Checked
from callcenter.local.processes import Process, until
from callcenter.local.secrets import load_or_make
from callcenter.settings import Settings

CONNECT_SECONDS = 10.0


class Failed(Exception):
    """A step after the files were written failed; the text says which and why."""


@dataclass(frozen=True, slots=True)
class State:
    """What Asterisk reads and plays."""

    files: Mapping[str, str]
    sounds: Sounds = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants in force. Without sounds, prompts stay as they are."""

    state: State
    reason: str = ""
    wait_seconds: float = 60.0
    with_call: bool = True
    back_to: int | None = None


def archive_of(settings: Settings) -> Archive:
    """Where this home keeps its deployments."""
    return Archive(settings.asterisk_dir / "deployments")


def vault_of(settings: Settings) -> Vault:
    """The secrets that stand in rendered files."""
    known = load_or_make(settings)
    return Vault({"ami": known.ami_password, **{f"agent-{n}": word for n, word in known.agent_passwords.items()}})


def files_in(folder: Path) -> dict[str, str]:
    """The configuration that Asterisk reads now."""
    return {path.name: path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.conf"))}


def state_of(pbx: Instance) -> State:
    """What is in force now."""
    return State(files_in(pbx.site.etc_dir), sounds_in_force(pbx.site))


async def deploy_checked(checked: Checked, wish: Wish) -> Deployment:
    """Put a checked candidate in force. Raises `NotAllowed` (nothing was changed) or `PartUnavailable`."""
    if checked.errors:
        first = checked.errors[0]
        raise NotAllowed(
            what=f"{len(checked.errors)} errors stop it, the first: {first.file}:{first.line}: {first.what}",
            mend="see callcenter dialplan check",
        )
    made = await asyncio.to_thread(make_sounds, checked.pbx.site)
    return await put_in_force(checked.pbx, replace(wish, state=replace(wish.state, sounds=made)))


async def put_in_force(pbx: Instance, wish: Wish) -> Deployment:
    """Write, reload, verify, call; go back when one fails. Raises as `deploy_checked`."""
    settings = pbx.site.settings
    with only_one(settings):
        async with manager(settings) as client:
            old = await asyncio.to_thread(state_of, pbx)
            wish = wish if wish.state.sounds else replace(wish, state=replace(wish.state, sounds=old.sounds))
            _must_be_reloadable(old.files, wish.state.files)
            await _until_nobody_is_in_the_way(client, old.files, wish)
            try:
                await _switch(pbx, client, old, wish.state)
                said = await _prove(settings, client, wish)
            except (Failed, AmiFault) as fault:
                return await _go_back(pbx, old, wish, str(fault))
        return _record(pbx, old, wish, "deployed", self_test=said)


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """One deployment at a time a home. Raises `NotAllowed`."""
    path = places.run_dir(settings) / "deployment.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NotAllowed(what="Another deployment is at work", mend="wait for it to end") from None
        yield


@asynccontextmanager
async def manager(settings: Settings, seconds: float = CONNECT_SECONDS) -> AsyncIterator[AmiClient]:
    """A manager connection of our own; the service may be stopped. Raises `PartUnavailable`."""
    secret = load_or_make(settings).ami_password
    address = Address(settings.ami_host, settings.ami_port, settings.ami_username, secret)
    client = AmiClient(address, wanted=frozenset())
    running = asyncio.create_task(client.run())
    try:
        await _come_up(client, seconds)
        yield client
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def _come_up(client: AmiClient, seconds: float) -> None:
    async def is_up() -> bool:
        return client.up

    if not await until(is_up, seconds):
        raise PartUnavailable(
            part="Asterisk", why="its manager interface does not let us in", mend="start callcenter run"
        )


def _must_be_reloadable(old: Mapping[str, str], new: Mapping[str, str]) -> None:
    if restart := needs_restart(old, new):
        raise NotAllowed(
            what=f"A reload is not enough: {'; '.join(restart)}",
            mend="stop and start callcenter run at a quiet hour: it writes the new files and starts Asterisk with them",
        )


async def _until_nobody_is_in_the_way(client: AmiClient, old: Mapping[str, str], wish: Wish) -> None:
    """Wait for calls that would go on at a wrong step. Raises `NotAllowed` when some are still there."""
    before, after = read_dialplan(old), read_dialplan(wish.state.files)
    deadline = asyncio.get_running_loop().time() + wish.wait_seconds
    while waiting := in_the_way(await loaded.positions(client), before, after):
        if asyncio.get_running_loop().time() > deadline:
            raise NotAllowed(
                what=f"{len(waiting)} calls stand where steps would move ({', '.join(waiting[:3])})",
                mend="try again, or wait longer with --wait SECONDS: they would go on at a wrong step",
            )
        await asyncio.sleep(0.1)


async def _switch(pbx: Instance, client: AmiClient, old: State, new: State) -> None:
    """Prompts and files, then the modules concerned, then the comparison. Raises `Failed`.

    A prompt that only the old dialplan plays goes when nobody comes by it any more.
    """
    changed = {name for name in {*old.files, *new.files} if old.files.get(name) != new.files.get(name)}
    await asyncio.to_thread(put_sounds, pbx.site, {**old.sounds, **new.sounds})
    await asyncio.to_thread(_write, pbx, old.files, new.files)
    for module in to_reload(changed, new.files):
        await client.ask(loaded.reload(module), 20)
    await asyncio.to_thread(put_sounds, pbx.site, new.sounds)
    if different := await _settled(client, new.files):
        raise Failed(f"what is loaded is not what was sent: {different[0]} ({len(different)} differences)")


async def _settled(client: AmiClient, new: Mapping[str, str]) -> list[str]:
    """The differences, once SIP has taken in its objects: it reloads in a thread of its own."""
    for _ in range(20):
        different = await loaded.mismatches(client, new)
        if not different:
            return []
        await asyncio.sleep(0.1)
    return different


def _write(pbx: Instance, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Each file by one rename, those that are included before the one that includes them; forgotten ones go."""
    pbx.site.etc_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in sorted(new, key=lambda name: name == "extensions.conf"):
        if old.get(name) != new[name]:
            replace_file(pbx.site.etc_dir / name, new[name])
    for name in {*old} - {*new}:
        (pbx.site.etc_dir / name).unlink(missing_ok=True)
    hand_over(pbx)


async def _prove(settings: Settings, client: AmiClient, wish: Wish) -> tuple[str, ...]:
    """A call to each line. Raises `Failed` when one does not get where it should."""
    if not wish.with_call:
        return ()
    lines = {"hotline": settings.hotline_number, "emergency": settings.emergency_number}
    tests = [self_test.place(client, line, number, settings.cel_path) for line, number in lines.items()]
    results = await asyncio.gather(*tests)
    if failed := [str(r) for r in results if r.why]:
        raise Failed(f"the self-test call failed: {failed[0]}")
    return tuple(map(str, results))


async def _go_back(pbx: Instance, old: State, wish: Wish, why: str) -> Deployment:
    """The files and prompts before, loaded and compared; over a connection of its own, whatever became of the first."""
    try:
        async with manager(pbx.site.settings) as client:
            await _switch(pbx, client, wish.state, old)
    except (Failed, AmiFault, PartUnavailable) as fault:
        why = f"{why}; and going back failed, too: {fault}"
    return _record(pbx, old, wish, "rolled_back", why=why)


def _record(
    pbx: Instance, old: State, wish: Wish, result: str, *, why: str = "", self_test: tuple[str, ...] = ()
) -> Deployment:
    settings = pbx.site.settings
    archive = archive_of(settings)
    made = Deployment(
        number=archive.next_number(),
        made_by=getpass.getuser(),
        at=clock.now(),
        files=vault_of(settings).hide(wish.state.files),
        sounds=wish.state.sounds,
        changes=tuple(changes(old, wish.state)),
        result=result,
        reason=wish.reason,
        why=why,
        self_test=self_test,
        back_to=wish.back_to,
    )
    archive.add(made)
    forget_sounds(pbx.site, (each.sounds for each in archive.all()))
    return made


def changes(old: State, new: State) -> list[str]:
    """What differs, one line each, secrets hidden."""
    return [*differences(old.files, new.files), *sound_changes(old.sounds, new.sounds)]


async def start(pbx: Instance) -> Process:
    """Start Asterisk; what it was started with is a deployment when it differs from what was there."""
    old = await asyncio.to_thread(state_of, pbx)
    process = await asterisk.start(pbx)
    await asyncio.to_thread(note_start, pbx, old)
    return process


async def take_on(pbx: Instance) -> bool:
    """As `asterisk.take_on`, on record."""
    old = await asyncio.to_thread(state_of, pbx)
    taken = await asterisk.take_on(pbx)
    if taken:
        await asyncio.to_thread(note_start, pbx, old)
    return taken


def note_start(pbx: Instance, old: State) -> None:
    """`callcenter run` wrote the configuration: put it on record when it differs from what was there."""
    new = state_of(pbx)
    if old != new or not archive_of(pbx.site.settings).all():
        _record(pbx, old, Wish(new, reason="callcenter run"), "started")
