"""The demo: a lively while of real SIP calls with voices, so that records, recordings and events appear.

Four agents register, citizens ring through the trunk. Most are answered; some give up, in the queue or during the
notice; for a minute the hotline is closed; now and then the emergency line rings. Nothing is random from run to run
but the moments: the cast is drawn with a fixed seed. It needs a running hotline (`make run`) and leaves nothing
behind but calls.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from phones import Softphone

from callcenter import settings as settings_module
from callcenter.calls.model import Service
from callcenter.dialplan.sounds import speak
from callcenter.errors import CallcenterError
from callcenter.local import addresses, programs, welcome
from callcenter.local.secrets import load_or_make
from callcenter.schedule.command import override_hours
from callcenter.settings import Settings

NAMES = ("王小明", "市民甲", "市民乙", "某单位人事", "市民丙", "𠮷市民", "Citizen", "")
"""Nobody in particular; one name holds a character beyond the basic plane."""
QUESTION = "您好，我想问一下，网上申报提交以后，怎么修改缴费基数？我们单位这个月新进了三名员工。"
ANSWER = "您好，请您登录网上申报系统，在人员增减页面里选择变动登记，填好以后提交审核，一般当天就能看到结果。"
KINDS = (("talks", 62), ("agent_ends", 12), ("gives_up", 14), ("leaves_early", 6), ("emergency", 6))
"""What callers do, in percent."""

MOST_AT_ONCE = 7


class Demo:
    """One performance: its phones, its clock, and a count of what it asked for."""

    def __init__(self, settings: Settings, minutes: float, sounds: Path) -> None:
        self.settings = settings
        self.minutes = minutes
        self.server = f"{welcome.sip_server(settings)}:{settings.sip_port}"
        self.question, self.answer = sounds / "question.wav", sounds / "answer.wav"
        self.dice = random.Random(12333)  # noqa: S311 - a cast, not a secret
        self.began_at = time.monotonic()
        self.asked: Counter[str] = Counter()
        self.agents: list[Softphone] = []

    @property
    def gone(self) -> float:
        """The part of the performance that is over, 0 to 1."""
        return (time.monotonic() - self.began_at) / (self.minutes * 60)

    def say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)

    async def run(self) -> None:
        await self._schedule(Service.OPEN, self.minutes + 1)
        async with AsyncExitStack() as phones, asyncio.TaskGroup() as calls:
            await self._agents_arrive(phones)
            closing = calls.create_task(self._close_for_a_while())
            places = asyncio.Semaphore(MOST_AT_ONCE)
            while self.gone < 1:
                await places.acquire()
                call = calls.create_task(self._one_caller())
                call.add_done_callback(lambda _: places.release())
                await asyncio.sleep(self.dice.uniform(1, 14))
            await closing
        self.say("结束 the end: " + ", ".join(f"{count} {kind}" for kind, count in self.asked.most_common()))

    async def _agents_arrive(self, phones: AsyncExitStack) -> None:
        secrets = load_or_make(self.settings)
        for agent in self.settings.agents:
            phone = Softphone(
                secrets.device_names[agent], self.server, password=secrets.agent_passwords[agent], say=self.answer
            )
            self.agents.append(await phones.enter_async_context(phone))
            phone.send(f"auto {self.dice.uniform(0.5, 6):.1f}")
            self.say(f"座席 agent {agent} is at work")

    async def _close_for_a_while(self) -> None:
        length = min(60.0, self.minutes * 12)
        while self.gone < 0.55:
            await asyncio.sleep(1)
        await self._schedule(Service.CLOSED, 5)
        await asyncio.sleep(length)
        await self._schedule(Service.OPEN, self.minutes * (1 - self.gone) + 1)

    async def _schedule(self, mode: Service, minutes: float) -> None:
        url = addresses.database_url(self.settings)
        await override_hours(url, "hotline", mode, f"+{max(1, round(minutes))}m", "demo")
        self.say(f"热线 the hotline is {mode}")

    async def _one_caller(self) -> None:
        kind = self.dice.choices([k for k, _ in KINDS], [weight for _, weight in KINDS])[0]
        name = self.dice.choice(NAMES)
        number = f"138{self.dice.randrange(10**8):08d}"
        length = self.dice.uniform(8, 45)
        dialled = self.settings.emergency_number if kind == "emergency" else self.settings.hotline_number
        self.asked[kind] += 1
        self.say(f"来电 {number} {name} dials {dialled} ({kind})")
        trunk = self.settings.trunk_address
        async with Softphone(number, self.server, bind=trunk, name=name, say=self.question) as caller:
            caller.dial(dialled)
            await caller.expect("answered")
            await self._stay(caller, kind, length)
        self.say(f"挂断 {number} is gone")

    async def _stay(self, caller: Softphone, kind: str, length: float) -> None:
        """Stay as long as this caller would; the other side may end it first."""
        limit = {"leaves_early": 2.5, "gives_up": 6.5 + length / 8}.get(kind, 15 + length)
        if kind == "agent_ends":
            await asyncio.sleep(limit)
            self._some_agent_hangs_up()
        try:
            await caller.expect("ended", within=limit)
        except AssertionError:
            caller.send("hangup")

    def _some_agent_hangs_up(self) -> None:
        """Whoever talks longest; a phone without a call answers `refused`, which harms nobody."""
        self.agents.append(self.agents.pop(0))
        self.agents[0].send("hangup")


def speak_lines(folder: Path) -> None:
    espeak = (programs.require("espeak-ng"),)
    for name, text in (("question", QUESTION), ("answer", ANSWER)):
        speak(espeak, text, folder / f"{name}.wav")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=15)
    with tempfile.TemporaryDirectory(prefix="callcenter-demo-") as folder:
        try:
            speak_lines(Path(folder))
            asyncio.run(Demo(settings_module.load(), parser.parse_args().minutes, Path(folder)).run())
        except KeyboardInterrupt:
            return 130
        except (CallcenterError, AssertionError, OSError) as error:
            print(f"demo: {error}; is the hotline running?", file=sys.stderr)
            return 1
        except BaseExceptionGroup as errors:
            print(f"demo: {errors.exceptions[0]}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
