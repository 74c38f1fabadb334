"""Actions we send. A value can't smuggle in another header: line breaks and NUL are refused beforehand."""

from dataclasses import dataclass

from callcenter.errors import InvalidInput

MAX_LINE_BYTES = 1000
"""Asterisk's manager reads a line into 1,025 bytes (`manager.c`, `inbuf`); a longer one is refused here."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action with its headers, in order. Raises `InvalidInput` when it can't be one whole action."""

    name: str
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for header, value in (("Action", self.name), *self.headers):
            _refuse_unsendable(self.name, header, value)

    def encode(self, action_id: str) -> bytes:
        """The bytes on the wire; the answer carries the same action id."""
        _refuse_unsendable(self.name, "ActionID", action_id)
        lines = (("Action", self.name), ("ActionID", action_id), *self.headers)
        return "".join(f"{header}: {value}\r\n" for header, value in lines).encode() + b"\r\n"


def _refuse_unsendable(action: str, header: str, value: str) -> None:
    line = f"{header}: {value}"
    where = f"AMI action {action[:40]!r}, header {header[:40]!r}"
    if any(character in line for character in "\r\n\0") or ":" in header or not header:
        raise InvalidInput(where=where, what="line break or NUL inside", mend="send one line of plain text")
    try:
        length = len(line.encode())
    except UnicodeEncodeError:
        raise InvalidInput(where=where, what="not valid Unicode", mend="send plain text") from None
    if length > MAX_LINE_BYTES:
        raise InvalidInput(where=where, what=f"{length} bytes long", mend=f"send at most {MAX_LINE_BYTES}")


def login(username: str, password: str) -> Action:
    return Action("Login", (("Username", username), ("Secret", password), ("Events", "on")))


PING = Action("Ping")
CORE_STATUS = Action("CoreStatus")
QUEUE_STATUS = Action("QueueStatus")
SHOW_CHANNELS = Action("CoreShowChannels")
DEVICE_STATES = Action("DeviceStateList")
CONTACTS = Action("PJSIPShowContacts")


def db_get(family: str, key: str) -> Action:
    return Action("DBGet", (("Family", family), ("Key", key)))


def db_put(family: str, key: str, value: str) -> Action:
    return Action("DBPut", (("Family", family), ("Key", key), ("Val", value)))


def db_get_tree(family: str) -> Action:
    """All keys below a family as a list; an empty list when there are none (Asterisk 22, `main/db.c`)."""
    return Action("DBGetTree", (("Family", family),))


def db_del(family: str, key: str) -> Action:
    return Action("DBDel", (("Family", family), ("Key", key)))


def queue_add(queue: str, interface: str, name: str, penalty: int, paused: str | None = None) -> Action:
    """Make a phone a member. `paused`: the reason of the pause that it begins with; None: it takes calls."""
    member = (("Queue", queue), ("Interface", interface), ("MemberName", name), ("StateInterface", interface))
    pause = () if paused is None else (("Paused", "true"), ("Reason", paused))
    return Action("QueueAdd", (*member, ("Penalty", str(penalty)), *pause))


def queue_remove(queue: str, interface: str) -> Action:
    return Action("QueueRemove", (("Queue", queue), ("Interface", interface)))


def queue_penalty(queue: str, interface: str, penalty: int) -> Action:
    return Action("QueuePenalty", (("Queue", queue), ("Interface", interface), ("Penalty", str(penalty))))


def queue_withdraw(queue: str, channel: str, info: str) -> Action:
    """Take a waiting caller out: QUEUESTATUS is WITHDRAW and QUEUE_WITHDRAW_INFO is `info` in the dialplan."""
    return Action("QueueWithdrawCaller", (("Queue", queue), ("Caller", channel), ("WithdrawInfo", info)))


def queue_unpause(interface: str) -> Action:
    """Let a member take calls again, in every queue."""
    return Action("QueuePause", (("Interface", interface), ("Paused", "false")))


def mixmonitor_mute(channel: str, *, mute: bool) -> Action:
    """Write silence of equal length into both legs of a channel's recording, or its sound again (`audiohook.c`)."""
    state = "1" if mute else "0"
    return Action("MixMonitorMute", (("Channel", channel), ("Direction", "both"), ("State", state)))


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel and where in the dialplan it shall go on, at priority 1."""

    channel: str
    context: str
    extension: str


def redirect_both(first: Destination, second: Destination) -> Action:
    """Take two channels out of their bridge; neither goes on before both know where to (`manager.c`, Redirect)."""
    headers = (
        ("Channel", first.channel), ("ExtraChannel", second.channel),
        ("Context", first.context), ("Exten", first.extension), ("Priority", "1"),
        ("ExtraContext", second.context), ("ExtraExten", second.extension), ("ExtraPriority", "1"),
    )  # fmt: skip
    return Action("Redirect", headers)


def set_variable(channel: str, name: str, value: str) -> Action:
    return Action("Setvar", (("Channel", channel), ("Variable", name), ("Value", value)))


def get_variable(channel: str, name: str) -> Action:
    """A channel's variable, or a function of it: the answer's header `Value`."""
    return Action("Getvar", (("Channel", channel), ("Variable", name)))
