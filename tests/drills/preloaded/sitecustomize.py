"""Lets a drill stand between our own commands and what they talk to, without a setting of the product for it.

Python finds this file by PYTHONPATH at its start. `listen` and `api` get the variables that the drill wrote for them;
Asterisk, Postgres and the broker, which read the same settings, do not.
"""

import ctypes
import json
import os
import sys

CAPABILITIES_VERSION = 0x20080522
OVERRIDE, READ_SEARCH = 1, 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what makes root ignore the modes of files (capabilities(7))"""


def obey_modes() -> None:
    """Root's power over other users' files is given up, so that an unreadable folder is unreadable for root, too."""
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then the upper halves
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    for half in (0, 1):
        sets[half] &= ~(1 << OVERRIDE | 1 << READ_SEARCH)
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def refuse(folder: str) -> None:
    """Who is no root owns Asterisk's files himself: no mode keeps out the reader alone. Then open() is refused here."""

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith(folder):
            raise PermissionError(13, "Permission denied", arguments[0])

    sys.addaudithook(audit)


try:
    with open(os.environ["DRILL_OVERRIDES"]) as file:
        overrides = json.load(file)
    os.environ.update(overrides.get(sys.orig_argv[-1], {}))
except (KeyError, OSError):
    pass
if folder := os.environ.pop("DRILL_MAY_NOT_READ", ""):
    obey_modes() if os.geteuid() == 0 else refuse(folder)
