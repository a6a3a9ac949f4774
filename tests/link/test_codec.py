from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link.synthetic import SMALL

from qkdlab.bits.array import BitArray
from qkdlab.errors import AbortCode, SecurityAbort
from qkdlab.link import messages as m
from qkdlab.link.codec import (
    MAX_MESSAGE_BYTES,
    Charge,
    Message,
    charge,
    decode,
    encode,
    message,
    public,
    record_of,
    secret_derived,
)
from qkdlab.link.varint import Increasing
from qkdlab.link.wire import BITS, REAL, UINT

bit_arrays = st.lists(st.integers(0, 1), max_size=70).map(
    lambda bits: BitArray.from_bools(np.array(bits, np.uint8))
)
uints = st.integers(0, 2**64 - 1)
reals = st.floats(allow_nan=False, allow_infinity=False)
slots = (
    st.lists(st.integers(0, 2**40), unique=True, max_size=20)
    .map(sorted)
    .map(lambda values: Increasing.of(np.array(values, np.int64)))
)
texts = st.text(max_size=12)
real_tuples = st.lists(reals, max_size=4).map(tuple)
uint_tuples = st.lists(uints, max_size=4).map(tuple)

MESSAGES = st.one_of(
    st.builds(
        m.Hello,
        uints,
        st.binary(max_size=16),
        st.binary(max_size=32),
        st.just(SMALL) | st.builds(dataclasses.replace, st.just(SMALL), theorem=texts),
    ),
    st.builds(m.SlotBatch, slots, bit_arrays, bit_arrays),
    st.builds(m.SlotListEnd, uints, uints, uints),
    st.builds(m.SettingsBatch, bit_arrays, bit_arrays, bit_arrays),
    st.builds(m.SettingsEnd, bit_arrays, real_tuples, real_tuples),
    st.builds(m.BobTestBits, bit_arrays, uint_tuples, uint_tuples),
    st.builds(m.ReconciliationStart, st.binary(max_size=32), texts),
    st.builds(m.Parities, uints, bit_arrays),
    st.builds(m.ReconciliationEnd, uints),
    st.builds(m.VerificationTag, bit_arrays, bit_arrays),
    st.builds(m.VerificationAnswer, st.booleans()),
    st.builds(m.Amplification, bit_arrays, uints, uints, uints, uints, texts),
    st.builds(m.Done, texts),
)


def fields(value):
    """The fields as plain values, so that arrays compare."""
    found = {}
    for entry in dataclasses.fields(value):
        item = getattr(value, entry.name)
        if isinstance(item, BitArray):
            item = item.to_bools().tolist()
        elif isinstance(item, np.ndarray):
            item = item.tolist()
        found[entry.name] = item
    return type(value), found


def refused(data):
    with pytest.raises(SecurityAbort) as caught:
        decode(data)
    return caught.value


def decoded_or_refused(data):
    """The message, or None when it was refused in the one allowed way."""
    try:
        return decode(data)
    except SecurityAbort as abort:
        if abort.code is not AbortCode.PROTOCOL_VIOLATION:
            raise
        return None


@given(MESSAGES)
def test_every_message_comes_back(value):
    assert fields(decode(encode(value).data)) == fields(value)


@given(MESSAGES)
def test_equal_messages_have_equal_bytes(value):
    assert encode(decode(encode(value).data)).data == encode(value).data


@settings(max_examples=60)
@given(MESSAGES)
def test_every_truncation_is_refused(value):
    data = encode(value).data
    for length in range(len(data)):
        assert refused(data[:length]).code is AbortCode.PROTOCOL_VIOLATION


@settings(max_examples=30, deadline=None)
@given(MESSAGES, st.integers(1, 255))
def test_every_changed_byte_is_refused_or_means_something_else(value, flip):
    data = encode(value).data
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
        other = decoded_or_refused(changed)
        if other is not None:
            assert encode(other).data == changed


@given(MESSAGES, st.binary(min_size=1, max_size=3))
def test_trailing_bytes_are_refused(value, more):
    assert refused(encode(value).data + more).code is AbortCode.PROTOCOL_VIOLATION


@given(st.binary(max_size=80))
def test_noise_is_refused_or_canonical(data):
    value = decoded_or_refused(b"\x01" + data)
    if value is not None:
        assert encode(value).data == b"\x01" + data


def test_refusals_all_read_the_same():
    good = encode(m.Done("k")).data
    words = {
        str(refused(data))
        for data in (
            b"",
            b"\x01",
            b"\x02" + good[1:],
            b"\x01\xfe",
            good[:-1],
            good + b"\x00",
            good[:2] + b"\xff" * 8,
            good[:10] + b"\xff",
        )
    }
    assert len(words) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\x01\x51\x02",  # a flag that is neither
        b"\x01\x41" + (3).to_bytes(8, "little") + b"\x08",  # unused bit set
        b"\x01\x41" + (2**63).to_bytes(8, "little"),  # more than there is
        b"\x01\x61" + (5000).to_bytes(8, "little") + b"k" * 5000,  # no short string
        b"\x01\x61" + (2).to_bytes(8, "little") + b"\xc0\x80",  # no UTF-8
    ],
)
def test_forms_that_nobody_writes_are_refused(data):
    assert refused(data).code is AbortCode.PROTOCOL_VIOLATION


def test_an_oversized_message_is_refused(monkeypatch):
    monkeypatch.setattr("qkdlab.link.codec.MAX_MESSAGE_BYTES", 64)
    assert MAX_MESSAGE_BYTES > 64
    data = b"\x01\x40" + (100).to_bytes(8, "little") + bytes(100)
    assert refused(data).code is AbortCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_are_finite(value):
    with pytest.raises(ValueError, match="finite"):
        REAL.write(value, [])


@pytest.mark.parametrize("value", [-1, 2**64, True])
def test_numbers_fit_into_64_bits(value):
    with pytest.raises(ValueError, match="64 bits"):
        UINT.write(value, [])


def test_the_encoder_refuses_a_field_without_a_type():
    @dataclass(frozen=True)
    class Careless(Message):
        bits: BitArray

    Careless.KIND = 0xF0
    with pytest.raises(TypeError, match="neither public nor secret-derived"):
        encode(Careless(BitArray.zeros(3)))


def test_a_message_class_with_an_untyped_field_cannot_be_made():
    with pytest.raises(TypeError, match="neither public nor secret-derived"):

        @message(0xF1, "test")
        class Careless(Message):
            length: int = public(UINT)
            bits: BitArray = dataclasses.field()


def test_a_kind_can_be_used_once():
    with pytest.raises(ValueError, match="taken"):

        @message(0x41, "test")
        class Second(Message):
            length: int = public(UINT)


def test_secrets_cannot_hide_in_a_nested_record():
    @dataclass(frozen=True)
    class Inner:
        bits: BitArray = secret_derived(BITS)  # noqa: RUF009

    with pytest.raises(TypeError, match="public"):
        record_of(Inner)


def test_public_fields_cost_nothing():
    assert charge(m.Done("key")) == Charge(0, 0)


def test_parities_are_charged_bit_by_bit():
    assert encode(m.Parities(3, BitArray.zeros(77))).charge == Charge(leak=77)


def test_the_answer_to_the_verification_costs_one_bit():
    assert encode(m.VerificationAnswer(True)).charge == Charge(leak=1)


def test_the_verification_tag_is_kept_apart():
    tagged = m.VerificationTag(BitArray.zeros(128), BitArray.zeros(40))
    assert encode(tagged).charge == Charge(verification=40)


def test_no_message_shows_bits_when_printed():
    bits = BitArray.from_bools(np.ones(64, np.uint8))
    assert repr(m.Parities(5, bits)) == "Parities(batch=5, bits=BitArray(64 bits))"


def test_a_list_that_would_take_much_more_memory_than_bytes_is_refused():
    none = BitArray.zeros(0)
    most = encode(m.SlotBatch(Increasing.of(np.arange(m.BATCH_SLOTS)), none, none)).data
    assert decode(most)
    with pytest.raises(ValueError, match="too long"):
        encode(m.SlotBatch(Increasing.of(np.arange(m.BATCH_SLOTS + 1)), none, none))
    n = (m.BATCH_SLOTS + 1).to_bytes(8, "little")
    longer = most[:2] + n + n + bytes(m.BATCH_SLOTS + 1) + bytes(16)
    assert refused(longer).code is AbortCode.PROTOCOL_VIOLATION
