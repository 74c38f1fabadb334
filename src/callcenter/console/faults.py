"""What was wrong with what a page's form sent, in the reader's language and by the page's own labels.

The API says the same in English, by the names of its parameters. What is not known here is shown as it is.
"""

import re
from collections.abc import Iterable

from callcenter.catalogue.labels import Labels
from callcenter.console.phrases import Phrases, translated
from callcenter.errors import CallcenterError, NotFound

KNOWN: Phrases = tuple(
    (key, re.compile(pattern, re.DOTALL))
    for key, pattern in (
        ("missing", r"Field required"),
        ("too_long", r"String should have at most (?P<most>\d+) characters?"),
        ("odd_text", r"String should match pattern .*"),
        ("no_whole_number", r"Input should be a valid integer.*"),
        ("no_number", r"Input should be a (valid|finite) number.*"),
        ("too_small", r"Input should be greater than or equal to (?P<least>[\d.e+-]+)"),
        ("too_large", r"Input should be less than or equal to (?P<most>[\d.e+-]+)"),
        ("no_id", r"Input should be a valid UUID.*"),
        ("not_listed", r"Input should be '.*"),
        ("not_listed", r"'.*' is none|\".*\" is none"),
        ("no_number_filter", r".* is not a number filter"),
        ("no_instant", r".* is not an instant"),
        ("no_day", r".* is no day"),
        ("year", r"the year (?P<year>-?\d+) is out of reach"),
        ("day_over", r"(?P<day>[\d-]+) is over"),
        ("day_far", r"(?P<day>[\d-]+) is out of reach"),
        ("order_of_times", r"from is not before until"),
        ("order_of_lengths", r"min_\w+ is above max_\w+"),
        ("cursor", r"it is not one that a list gave out|it belongs to a list with .*|it is of another list"),
        ("form_too_large", r"too large"),
        ("form_unreadable", r"can't be read"),
        ("nobody_named", r"from or to is empty"),
        ("says_nothing", r"it says nothing"),
        ("text", r"longer than (?P<most>\d+) characters, or with control characters"),
        ("destroyed", r"it was destroyed"),
    )
)
COMMON = ("fields", "console")


def in_words(fault: CallcenterError, texts: Labels, section: str = "fields") -> str:
    """The fault of one field. `section`: where the form's labels are in the catalogue, by the fields' names."""
    if isinstance(fault, NotFound):
        return texts("form_faults.not_found")
    said = translated(str(fault.facts.get("what", "")), KNOWN, texts, "form_faults")
    if said is None:
        return str(fault)
    label = _label(str(fault.facts.get("where", "")), texts, (section, *COMMON))
    return texts("form_faults.of_field").format(field=label, fault=said) if label else said


def _label(where: str, texts: Labels, sections: Iterable[str]) -> str | None:
    name = where.rpartition(".")[2]
    return next((labels[name] for labels in map(texts.section, sections) if name in labels), None)
