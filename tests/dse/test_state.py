from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dse.state import pack, unpack

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.text().filter(lambda key: key != "__array__")  # which stands for an array
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)


@given(st.dictionaries(KEYS, TREES))
def test_a_tree_comes_back_as_it_was(tree):
    assert unpack(pack(tree)) == tree


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int16, np.uint8, np.bool_]), hnp.array_shapes(min_dims=0)
    )
)
def test_an_array_comes_back_bit_for_bit(array):
    back = unpack(pack({"x": [array]}))["x"][0]

    assert back.dtype == array.dtype
    assert back.tobytes() == array.tobytes()


def test_equal_states_give_equal_bytes():
    assert pack({"a": np.arange(3)}) == pack({"a": np.arange(3)})


def test_a_generator_continues_from_its_saved_state():
    rng = np.random.default_rng(1)
    saved = unpack(pack({"rng": rng.bit_generator.state}))
    expected = rng.random(4)

    other = np.random.default_rng()
    other.bit_generator.state = saved["rng"]

    assert np.array_equal(other.random(4), expected)


@pytest.mark.parametrize("value", [object(), {1: 2}, np.array([object()]), {"__array__": "a0"}])
def test_a_value_without_a_safe_form_is_refused(value):
    with pytest.raises(TypeError, match="state"):
        pack({"x": value})


def test_compressed_bytes_are_refused_because_they_could_hold_anything():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, tree=np.zeros(1 << 20, dtype=np.uint8))

    with pytest.raises(ValueError, match="compressed"):
        unpack(buffer.getvalue())
