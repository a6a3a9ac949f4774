"""Wegman-Carter tags against RFC 8439 and a plain Python Poly1305."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_distillation import poly1305

from qkdlab.distill import authenticate

KEY = bytes.fromhex("85d6be7857556d337f4452fe42d506a8")
PAD = bytes.fromhex("0103808afb0db2fd4abff6af4149f51b")
MESSAGE = b"Cryptographic Forum Research Group"
TAG = bytes.fromhex("a8061dc1305136c6c22b8baf0c0127a9")


def point(first: int) -> bytes:
    return bytes([first]) + bytes(15)


# RFC 8439 section 2.5.2 and appendix A.3, vectors 1 and 7 to 12
VECTORS = [
    (KEY, PAD, MESSAGE, TAG),
    (bytes(16), bytes(16), bytes(64), bytes(16)),
    (point(2), bytes(16), b"\xff" * 16, point(3)),
    (point(2), b"\xff" * 16, point(2), point(3)),
    (
        point(1),
        bytes(16),
        b"\xff" * 16 + b"\xf0" + b"\xff" * 15 + point(0x11),
        point(5),
    ),
    (
        point(1),
        bytes(16),
        b"\xff" * 16 + b"\xfb" + b"\xfe" * 15 + b"\x01" * 16,
        bytes(16),
    ),
    (point(2), bytes(16), b"\xfd" + b"\xff" * 15, b"\xfa" + b"\xff" * 15),
    (
        point(1)[:8] + point(4)[:8],
        bytes(16),
        bytes.fromhex("e33594d7505e43b9000000000000000033")
        + bytes.fromhex("94d7505e4379cd01000000000000000000")
        + bytes(14)
        + point(1),
        point(0x14)[:8] + point(0x55)[:8],
    ),
]


@pytest.mark.parametrize(("key", "pad", "data", "expected"), VECTORS)
def test_published_vectors(key, pad, data, expected):
    assert authenticate.tag(key, pad, data) == expected


@given(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.binary(max_size=100),
)
def test_agrees_with_a_plain_poly1305(key, pad, data):
    assert authenticate.tag(key, pad, data) == poly1305(key, pad, data)


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_where_a_text_is_cut_does_not_matter(pieces):
    whole = b"".join(pieces)
    assert authenticate.tag(KEY, PAD, *pieces) == authenticate.tag(KEY, PAD, whole)


def test_the_right_tag_is_accepted():
    assert authenticate.check(KEY, PAD, TAG, MESSAGE)


@pytest.mark.parametrize("received", [TAG[:-1] + b"\0", TAG[:8], b"", TAG + b"\0"])
def test_a_wrong_tag_is_refused(received):
    assert not authenticate.check(KEY, PAD, received, MESSAGE)


def test_epsilon_is_eight_times_the_blocks_over_two_to_106():
    assert authenticate.epsilon(33) == 3 * 2.0**-103


def test_epsilon_of_empty_messages_is_not_zero():
    assert authenticate.epsilon(0) == 2.0**-103


def test_a_short_key_is_refused_without_showing_it():
    with pytest.raises(ValueError, match="16 bytes each") as caught:
        authenticate.tag(KEY[:8], PAD, b"")
    assert KEY[:8].hex() not in str(caught.value)
