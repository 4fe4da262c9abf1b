from __future__ import annotations

from dse.campaign.toml_lines import dotted, key_lines, line_of

TEXT = '''name = "x"
[a.b]
c.d = [1,
  2]
text = """
[not a table]
key = 3
"""
[[rows]]
one = 1  # [
[[rows]]
two = { three = 3 }
[rows.inner]
four = 4
'''


def test_keys_are_found_on_their_lines():
    lines = {dotted(path): line for path, line in key_lines(TEXT).items()}

    assert lines == {
        "name": 1,
        "a.b": 2,
        "a.b.c": 3,
        "a.b.c.d": 3,
        "a.b.text": 5,
        "rows[0]": 9,
        "rows[0].one": 10,
        "rows[1]": 11,
        "rows[1].two": 12,
        "rows[1].inner": 13,
        "rows[1].inner.four": 14,
    }


def test_an_unknown_key_has_the_line_of_its_table():
    assert line_of(("rows", 1, "missing", "deep"), key_lines(TEXT)) == 11
