"""What a page's form sends: read whole, checked as the API checks the same."""

from collections.abc import Collection
from typing import Any, TypeVar
from urllib.parse import parse_qs

from fastapi import Request
from pydantic import BaseModel, ValidationError

from callcenter.errors import InvalidInput

LARGEST_FORM = 20_000
Shape = TypeVar("Shape", bound=BaseModel)


async def read_form(request: Request, fields: Collection[str]) -> dict[str, str]:
    """These fields without blanks around them, empty where they were not sent. Raises `InvalidInput`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_FORM:
            raise InvalidInput(where="form", what="too large", mend="shorten the texts")
    try:
        read = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise InvalidInput(where="form", what="can't be read", mend="send it from the page") from None
    return {name: read.get(name, [""])[0].strip() for name in fields}


def checked(shape: type[Shape], given: dict[str, Any]) -> Shape:
    """The values as that shape. Raises `InvalidInput`."""
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "form"
        raise InvalidInput(where=where, what=first["msg"], mend="correct it") from None
