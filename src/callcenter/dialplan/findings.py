"""What a check finds: where, what, why it matters, how to mend it."""

from dataclasses import asdict, dataclass
from enum import StrEnum

from callcenter.dialplan.candidate import Candidate
from callcenter.dialplan.source import Place


class Severity(StrEnum):
    """An error stops a deployment, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    file: str
    line: int
    rule: str
    what: str
    why: str
    mend: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity.value}: {self.what} [{self.rule}]\n    {self.why}; {self.mend}"

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def finding(
    candidate: Candidate,
    place: Place,
    rule: str,
    *,
    what: str,
    why: str,
    mend: str,
    severity: Severity = Severity.ERROR,
) -> Finding:
    """A finding at a rendered place, told with the source's file and line."""
    source = candidate.place(place.file, place.line)
    return Finding(source.file, source.line, rule, what, why, mend, severity)
