"""What a page says is wrong with what was sent."""

import re
from html import unescape


def fault_on(page: str) -> str:
    """Fails when the page tells none, or in words of another language than Chinese."""
    found = re.findall(r'<p class="fault" role="alert">(.+?)</p>', page)
    assert found, page[:2000]
    fault = unescape(found[-1])
    assert re.search(r"[一-鿿]", fault) and not re.search(r"[A-Za-z]{3}", fault), fault
    return fault
