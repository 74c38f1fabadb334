"""`callcenter demo`: starts the checkout's demo as a program of its own, because its softphones are test software."""

import importlib.util
import os
import subprocess
import sys

from callcenter.errors import SetupFailed
from callcenter.settings import Settings, project_root

PROGRAM = "tests/acceptance/demo.py"


def run_demo(settings: Settings, minutes: float) -> None:
    """Play calls for so many minutes; Ctrl-C ends it early. Raises `SetupFailed` outside a checkout."""
    program = project_root() / PROGRAM
    if not program.is_file() or importlib.util.find_spec("pjsua2") is None:
        raise SetupFailed(
            what="The demo can't start",
            why=f"it needs {PROGRAM} and the package pjsua2-python (a GPL library, not part of the product)",
            mend="run make demo in a checkout",
        )
    environment = {**os.environ, "CALLCENTER_HOME": str(settings.home)}
    process = subprocess.Popen([sys.executable, str(program), "--minutes", str(minutes)], env=environment)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        status = process.wait()  # the terminal's Ctrl-C reached it, too: it hangs up first
    if status not in (0, 130):
        raise SetupFailed(what="The demo failed", why=f"it ended with {status}", mend="see what it printed above")
