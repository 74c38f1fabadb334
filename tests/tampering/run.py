"""Does one random thing after the other, asks for what is found, takes it back."""

import random
from collections import Counter
from dataclasses import dataclass, field

from callcenter.recordings.deviations import Deviation, Result
from tests.tampering import chains, files, rows
from tests.tampering.site import Small

IN_DATABASE = (*rows.WAYS, *chains.WAYS)


@dataclass
class Score:
    done: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    left: list[Result] = field(default_factory=list)
    """Found when nothing was tampered with, which must be nothing"""


async def tamper(site: Small, count: int, seed: int) -> Score:
    """So many tamperings by the dice of `seed`; each is undone before the next."""
    dice, score = random.Random(seed), Score()  # noqa: S311
    async with site.engine.connect() as connection:
        for number in range(count):
            at = await connection.begin()
            way = dice.choice(files.WAYS if dice.random() < 0.3 else IN_DATABASE)
            undo = None
            try:
                if way in files.WAYS:
                    undo, said = way(site, dice)  # type: ignore[call-arg,misc]
                else:
                    said = await way(connection, dice, site)  # type: ignore[call-arg,arg-type,misc]
                found = await site.found(connection)
            finally:
                await at.rollback()
                if undo is not None:
                    undo()
            name = f"{way.__module__.rpartition('.')[2]}.{way.__name__}"
            score.done[name] += 1
            kinds = {each.kind for each in found if isinstance(each, Deviation)}
            if not kinds & said:
                score.missed.append(f"{number} {name}: expected one of {sorted(said)}, found {sorted(kinds)}")
        score.left = await site.found(connection)
    return score
