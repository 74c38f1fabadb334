"""PINs for logging in and out at the phone: made, checked and hashed.

SHA-1 with a salt is what Asterisk's dialplan can compute. It keeps a PIN from being read over a shoulder, from a backup
or in AstDB; it does not withstand somebody who may copy the hash and try all PINs, which takes him seconds.
"""

import hashlib
import re
import secrets

from callcenter.errors import InvalidInput

PIN = re.compile("[0-9]{4,8}")
DIGITS = 6
EASY = re.compile(r"(\d)\1+")
SEQUENCES = ("01234567890123456789", "98765432109876543210")


def hashed(pin: str, salt: str) -> str:
    """`<salt>;<SHA-1 of salt and PIN>`, lower-case hex, as dialplans/feature-codes.conf compares it."""
    return f"{salt};{hashlib.sha1(f'{salt}{pin}'.encode(), usedforsecurity=False).hexdigest()}"


def checked(pin: str) -> str:
    """The PIN itself. Raises `InvalidInput` for one that is no PIN or that anybody tries first."""
    if not PIN.fullmatch(pin):
        raise InvalidInput(where="PIN", what="not 4 to 8 digits", mend="choose digits alone")
    if EASY.fullmatch(pin) or any(pin in digits for digits in SEQUENCES):
        raise InvalidInput(where="PIN", what="too easy to guess", mend="no row of digits and no repeated digit")
    return pin


def new_pin() -> str:
    """A random PIN of six digits that is not an easy one."""
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
        if not EASY.fullmatch(pin) and not any(pin in digits for digits in SEQUENCES):
            return pin
