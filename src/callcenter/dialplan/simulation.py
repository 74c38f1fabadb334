"""The path a call would take: the dialplan stepped through, without a call. Pure: time, AstDB and outcomes are given.

What the simulation does not know (an application, a function) ends the path and is said; nothing is guessed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from callcenter.clock import LOCAL_ZONE
from callcenter.dialplan.expressions import NotKnown, cut, evaluate, fill, keep
from callcenter.dialplan.graph import extensions_of, without_parameters
from callcenter.dialplan.matching import best_match
from callcenter.dialplan.source import Dialplan, Step, split_arguments

MOST_STEPS = 2000
QUIET = frozenset({"Answer", "MixMonitor", "Ringing", "SendDTMF", "StopMixMonitor", "NoOp", "UserEvent"})
"""They pass and decide nothing."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is taken for granted."""

    at: datetime
    caller: str = "13800138000"
    pressed: str = ""
    """Digits for each menu in turn; none are left: nothing is pressed"""
    queue: str = "ANSWERED"
    """How each Queue() ends: ANSWERED, or a QUEUESTATUS"""
    astdb: Mapping[str, str] = field(default_factory=dict)
    """`family/key` → value"""
    members: int = 1
    """Members that each queue has"""


@dataclass(frozen=True, slots=True)
class Taken:
    """One step of the path, with what it came to."""

    context: str
    extension: str
    priority: int
    text: str
    note: str = ""

    def __str__(self) -> str:
        note = f"   — {self.note}" if self.note else ""
        return f"{self.context},{self.extension},{self.priority}: {self.text}{note}"


class Simulation:
    """One call. `run` gives each step; `ended` says why there are no more."""

    def __init__(self, plan: Dialplan, assumed: Assumptions, prompts: Mapping[str, str]) -> None:
        self.plan, self.assumed, self.prompts = plan, assumed, prompts
        epoch = str(int(assumed.at.timestamp()))
        self.variables = {**plan.variables, "EPOCH": epoch, "CHANNEL": "PJSIP/trunk-00000000", "UNIQUEID": f"{epoch}.0"}
        self.pressed = list(assumed.pressed)
        self.stack: list[tuple[str, str, int, dict[str, str]]] = []
        self.place = ("", "", 0)
        self.ended = ""

    def run(self, context: str, dialled: str) -> Iterator[Taken]:
        """Every step that the call executes."""
        self.variables["EXTEN"] = dialled
        self.place = (context, dialled, 1)
        for _ in range(MOST_STEPS):
            if self.ended:
                return
            step = self._step()
            if step is None:
                self.ended = self.ended or f"there is no step {','.join(map(str, self.place))}: hung up"
                return
            yield self._take(step)
        self.ended = f"more than {MOST_STEPS} steps: the dialplan goes in circles"

    def _step(self) -> Step | None:
        context, extension, _ = self.place
        known = extensions_of(self.plan, context)
        match = best_match(known, extension)
        if match is None and "i" in known:
            self.variables["INVALID_EXTEN"] = extension
            self.place, match = (context, "i", 1), "i"
        if match is None:
            return None
        self.variables["EXTEN"], self.variables["CONTEXT"] = self.place[1], context
        steps = self.plan.contexts[known[match]].extensions[match]
        return next((s for s in steps if s.priority == self.place[2]), None)

    def _take(self, step: Step) -> Taken:
        context, extension, priority = self.place
        self.place = (context, extension, priority + 1)
        note = ""
        try:
            note = self._do(step)
        except NotKnown as unknown:
            self.ended = f"the simulation does not know {unknown}: {step.text}"
        except ValueError as fault:
            self.ended = f"the simulation can't follow {step.text}: {fault}"
        return Taken(context, extension, priority, step.text, note)

    def _do(self, step: Step) -> str:
        if step.application in QUIET:
            return ""
        act = ACTS.get(step.application)
        if act is None:
            raise NotKnown(f"application {step.application}()")
        return act(self, step.arguments)

    def filled(self, text: str) -> str:
        return fill(text, self.variables, self._functions())

    def _functions(self) -> Mapping[str, Callable[[str], str]]:
        return {name: partial(function, self) for name, function in FUNCTIONS.items()}

    def pass_seconds(self, text: str) -> None:
        """Time goes on while the caller waits."""
        self.variables["EPOCH"] = str(int(self.variables["EPOCH"]) + int(float(text or 0)))

    def jump(self, place: str) -> None:
        """Go to `[[context,]extension,]priority`; a label counts as its number."""
        parts = [p.strip() for p in place.split(",")]
        context, extension = self.place[0], self.place[1]
        context = parts[-3] if len(parts) > 2 else context
        extension = parts[-2] if len(parts) > 1 else extension
        if not parts[-1].isdigit():
            raise NotKnown(f"label {parts[-1]}")
        self.place = (context, extension, int(parts[-1]))


def _set(call: Simulation, arguments: str) -> str:
    name, _, value = arguments.partition("=")
    name, value = call.filled(name).lstrip("_"), call.filled(value)
    call.variables[name] = value
    if name.startswith("CALLERID(") or name.startswith(("CHANNEL(", "GROUP(", "DB(")):
        call.variables.setdefault(name, value)
    return f"{name} = {value}"


def _goto(call: Simulation, arguments: str) -> str:
    place = call.filled(arguments)
    call.jump(place)
    return f"to {place}"


def _goto_if(call: Simulation, arguments: str) -> str:
    condition, _, places = _parts(arguments)
    asked = call.filled(condition)
    chosen = split_arguments(places, ":")
    place = chosen[0] if asked not in ("", "0") else (chosen[1] if len(chosen) > 1 else "")
    if not place.strip():
        return "no: on to the next step"
    call.jump(call.filled(place))
    return f"{'yes' if place is chosen[0] else 'no'}: to {call.filled(place)}"


def _parts(arguments: str) -> tuple[str, str, str]:
    before, *after = split_arguments(arguments, "?", limit=1)
    return before, "?", after[0] if after else ""


def _gosub(call: Simulation, arguments: str) -> str:
    bare = without_parameters(arguments)
    given = arguments[len(bare) :][1:-1]
    values = [call.filled(value) for value in split_arguments(given)] if given else []
    kept = {name: call.variables.get(name, "") for name in _arguments(max(len(values), 4))}
    call.stack.append((*call.place, kept))
    call.variables |= dict.fromkeys(kept, "") | dict(zip(_arguments(len(values)), values, strict=True))
    place = call.filled(bare)
    call.jump(place)
    return f"into {place}"


def _arguments(count: int) -> list[str]:
    return [f"ARG{n}" for n in range(1, count + 1)]


def _return(call: Simulation, arguments: str) -> str:
    if not call.stack:
        raise NotKnown("a Return() without Gosub()")
    context, extension, priority, kept = call.stack.pop()
    call.variables |= kept | {"GOSUB_RETVAL": call.filled(arguments)}
    call.place = (context, extension, priority)
    return f"back to {context},{extension},{priority}"


def _playback(call: Simulation, arguments: str) -> str:
    call.variables["PLAYBACKSTATUS"] = "SUCCESS"
    return call_says(call, call.filled(split_arguments(arguments)[0]))


def call_says(call: Simulation, names: str) -> str:
    """What the caller hears."""
    return " ".join(f"「{call.prompts.get(name, name)}」" for name in names.split("&") if name)


def _read(call: Simulation, arguments: str) -> str:
    name, prompts, *_ = [call.filled(a) for a in split_arguments(arguments)] + [""]
    digit = call.pressed.pop(0) if call.pressed else ""
    call.variables[name] = digit
    call.variables["READSTATUS"] = "OK" if digit else "TIMEOUT"
    return f"{call_says(call, prompts)} {f'presses {digit}' if digit else 'presses nothing'}"


def _queue(call: Simulation, arguments: str) -> str:
    queue, *_ = given = [call.filled(argument) for argument in split_arguments(arguments)]
    if call.assumed.queue == "ANSWERED":
        call.ended = f"an agent of {queue} answers"
        return "waits; assumed: an agent answers"
    call.variables["QUEUESTATUS"] = call.assumed.queue
    if call.assumed.queue == "TIMEOUT" and len(given) > 4:
        call.pass_seconds(given[4])
    return f"waits in {queue}; assumed: {call.assumed.queue}"


def _dial(call: Simulation, arguments: str) -> str:
    channels = call.filled(split_arguments(arguments)[0])
    call.ended = f"{channels} rings and is assumed to answer"
    return f"rings {channels}"


def _wait(call: Simulation, arguments: str) -> str:
    call.pass_seconds(call.filled(split_arguments(arguments)[0]))
    return ""


def _noise(call: Simulation, arguments: str) -> str:
    call.variables["WAITSTATUS"] = "NOISE"
    return "assumed: the caller speaks"


def _hangup(call: Simulation, arguments: str) -> str:
    cause = call.filled(arguments)
    call.ended = f"hung up{f' with cause {cause}' if cause else ''}"
    return ""


def _event(call: Simulation, arguments: str) -> str:
    return f"journal: {call.filled(arguments)}"


def _member(call: Simulation, arguments: str) -> str:
    return call.filled(arguments)


def _say(call: Simulation, arguments: str) -> str:
    return f"「{call.filled(split_arguments(arguments)[0])}」"


def _record(call: Simulation, arguments: str) -> str:
    call.ended = "the caller speaks and hangs up"
    return "records"


ACTS: Mapping[str, Callable[[Simulation, str], str]] = {
    "Set": _set,
    "Goto": _goto,
    "GotoIf": _goto_if,
    "Gosub": _gosub,
    "Return": _return,
    "Playback": _playback,
    "Read": _read,
    "Queue": _queue,
    "Dial": _dial,
    "Hangup": _hangup,
    "CELGenUserEvent": _event,
    "AddQueueMember": _member,
    "Wait": _wait,
    "WaitForNoise": _noise,
    "SayNumber": _say,
    "SayDigits": _say,
    "Record": _record,
}


def _db(call: Simulation, text: str) -> str:
    return call.assumed.astdb.get(text, "")


def _filter(call: Simulation, text: str) -> str:
    allowed, _, value = text.partition(",")
    return keep(allowed, value)


def _cut(call: Simulation, text: str) -> str:
    name, delimiter, fields = ([*split_arguments(text.replace("\\,", "\x02")), "", ""])[:3]
    return cut(call.variables.get(name, ""), delimiter.replace("\x02", ","), fields)


def _field_count(call: Simulation, text: str) -> str:
    name, _, delimiter = text.partition(",")
    value = call.variables.get(name, "")
    return str(len(value.split(delimiter.replace("\\", "") or ","))) if value else "0"


def _if(call: Simulation, text: str) -> str:
    condition, _, places = _parts(text)
    chosen = [*split_arguments(places, ":"), ""]
    return chosen[0] if condition not in ("", "0") else chosen[1]


def _time(call: Simulation, text: str) -> str:
    epoch, _, form = [*split_arguments(text), "", ""][:3]
    moment = datetime.fromtimestamp(int(epoch), LOCAL_ZONE) if epoch else call.assumed.at.astimezone(LOCAL_ZONE)
    return moment.strftime(form or "%c")


def _caller(call: Simulation, text: str) -> str:
    return call.variables.get(f"CALLERID({text})", call.assumed.caller if text in ("num", "ani") else "")


def _header(call: Simulation, text: str) -> str:
    return f"<sip:{call.assumed.caller}@trunk>"


def _parsed(call: Simulation, text: str) -> str:
    return call.assumed.caller if text.endswith("user") else ""


def _channel(call: Simulation, text: str) -> str:
    known = {"language": "zh", "channeltype": "PJSIP", "pjsip,remote_uri": f"<sip:{call.assumed.caller}@trunk>"}
    return call.variables.get(f"CHANNEL({text})", known.get(text, ""))


FUNCTIONS: Mapping[str, Callable[[Simulation, str], str]] = {
    "DB": _db,
    "FILTER": _filter,
    "CUT": _cut,
    "FIELDQTY": _field_count,
    "IF": _if,
    "STRFTIME": _time,
    "LEN": lambda call, text: str(len(text)),
    "CALLERID": _caller,
    "PJSIP_HEADER": _header,
    "PJSIP_PARSE_URI_FROM": _parsed,
    "CHANNEL": _channel,
    "QUEUE_MEMBER": lambda call, text: str(call.assumed.members),
    "QUEUE_WAITING_COUNT": lambda call, text: "0",
    "GROUP_COUNT": lambda call, text: "1",
    "DEVICE_STATE": lambda call, text: "NOT_INUSE",
    "LOCK": lambda call, text: "1",
    "TRYLOCK": lambda call, text: "1",
    "UNLOCK": lambda call, text: "1",
    "MATH": lambda call, text: evaluate(text.partition(",")[0]),
    "DB_KEYS": lambda call, text: ",".join(_keys(call, text)),
}


def _keys(call: Simulation, family: str) -> list[str]:
    below = (key.removeprefix(f"{family}/") for key in call.assumed.astdb if key.startswith(f"{family}/"))
    return list(dict.fromkeys(key.partition("/")[0] for key in below))
