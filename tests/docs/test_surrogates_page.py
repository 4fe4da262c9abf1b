"""The page on surrogates names every model with its options, as the code has them."""

from __future__ import annotations

import re
import sys
from dataclasses import fields

import pytest

from dse.registry import names, resolve
from tests.docs.tables import page


@pytest.mark.parametrize("name", names("surrogate"))
def test_the_page_has_the_options_of_every_surrogate(name):
    options = sys.modules[resolve("surrogate", name).__module__].Options
    expected = [f"| `{f.name}` | {f.default} | {f.metadata['meaning']} |" for f in fields(options)]

    section = re.search(rf"^{name}:\n\n(.*?)\n\n", page("surrogates.md"), re.MULTILINE | re.DOTALL)

    assert section[1].splitlines()[2:] == expected
    assert f"| `{name}` |" in page("surrogates.md")
