"""The table: what fails, how long, and how the operator hears of it."""

from tests.drills.faults import database, own_processes
from tests.drills.run import Drill

SHARED = (
    Drill("our service killed at random instants", own_processes.kill_at_random, "log:run:has ended", 6, 600),
    Drill("killed between commit and answer", own_processes.killed_after_commit, "log:run:has ended", 5, 60),
    Drill("answers to COMMIT lost", database.answers_lost, "health:journal|log:listen:store_waits", 5, 60),
)
"""These share one hotline, one after another."""
