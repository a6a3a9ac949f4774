"""Messages, frames and tags once more, in plain Python: no NumPy, no qkdlab.

Part of the reference party, written from the documents alone so that it does not share
mistakes with `qkdlab.link`. Bits are lists of 0 and 1.
"""

from __future__ import annotations

import struct

PLAN = [
    ("block", "uint"),
    ("first_pulse", "uint"),
    ("n_frames", "uint"),
    ("symbols", "uint"),
    ("header_symbols", "uint"),
    ("composition", "uints"),
    ("reconciliation", "text"),
    ("frame_bits", "uint"),
    ("verification_bits", "uint"),
    ("theorem", "text"),
    ("epsilon_secrecy", "real"),
    ("epsilon_correctness", "real"),
    ("qber_x_max", "real"),
    ("qber_z_max", "real"),
    ("cross_click_fraction_max", "real"),
    ("double_click_fraction_max", "real"),
    ("key_class", "text"),
]
MESSAGES = {
    "hello": (
        0x01,
        [
            ("protocol_version", "uint"),
            ("session", "blob"),
            ("configuration", "blob"),
            ("plan", "plan"),
        ],
    ),
    "slots": (0x10, [("slots", "slots"), ("basis", "bits"), ("cross", "bits")]),
    "slots-end": (
        0x11,
        [("accepted", "uint"), ("live_slots", "uint"), ("double_clicks", "uint")],
    ),
    "settings": (0x20, [("basis", "bits"), ("low", "bits"), ("high", "bits")]),
    "settings-end": (
        0x21,
        [("test_bits", "bits"), ("lowest", "reals"), ("highest", "reals")],
    ),
    "test": (
        0x30,
        [("bits", "bits"), ("double_key", "uints"), ("double_test", "uints")],
    ),
    "reconcile": (0x40, [("seed", "blob"), ("method", "text")]),
    "parities": (0x41, [("batch", "uint"), ("bits", "bits")]),
    "reconcile-end": (0x42, [("rounds", "uint")]),
    "verify": (0x50, [("key", "bits"), ("tag", "bits")]),
    "verdict": (0x51, [("equal", "flag")]),
    "amplify": (
        0x60,
        [
            ("seed", "bits"),
            ("length", "uint"),
            ("leak_alice_to_bob", "uint"),
            ("leak_bob_to_alice", "uint"),
            ("verification_bits", "uint"),
            ("key_id", "text"),
        ],
    ),
    "done": (0x61, [("key_id", "text")]),
}
NAMES = {kind: name for name, (kind, _) in MESSAGES.items()}


def bits_to_int(bits):
    """First bit lowest."""
    return int("".join(map(str, reversed(bits))) or "0", 2)


def int_to_bits(number, n):
    return [number >> i & 1 for i in range(n)]


def u64(number):
    return number.to_bytes(8, "little")


def write(kind, value):
    if kind == "uint":
        return u64(value)
    if kind == "flag":
        return bytes([value])
    if kind == "real":
        return struct.pack("<d", value)
    if kind == "text":
        return write("blob", value.encode())
    if kind == "blob":
        return u64(len(value)) + value
    if kind == "bits":
        n_bytes = (len(value) + 7) // 8
        return u64(len(value)) + bits_to_int(value).to_bytes(n_bytes, "little")
    if kind in ("uints", "reals"):
        return u64(len(value)) + b"".join(write(kind[:-1], v) for v in value)
    if kind == "plan":
        return b"".join(write(k, value[name]) for name, k in PLAN)
    assert kind == "slots"
    data = bytearray()
    before = -1
    for slot in value:
        gap = slot - before - 1
        while gap >= 128:
            data.append(128 + gap % 128)
            gap //= 128
        data.append(gap)
        before = slot
    return u64(len(value)) + u64(len(data)) + bytes(data)


def read(kind, data):
    """Return the value at the head of `data`, and the rest of `data`."""
    if kind == "uint":
        return int.from_bytes(data[:8], "little"), data[8:]
    if kind == "flag":
        return data[0], data[1:]
    if kind == "real":
        return struct.unpack("<d", data[:8])[0], data[8:]
    if kind == "text":
        value, data = read("blob", data)
        return value.decode(), data
    count, rest = read("uint", data)
    if kind == "blob":
        return rest[:count], rest[count:]
    if kind == "bits":
        n_bytes = (count + 7) // 8
        number = int.from_bytes(rest[:n_bytes], "little")
        return int_to_bits(number, count), rest[n_bytes:]
    if kind in ("uints", "reals"):
        values = []
        for _ in range(count):
            value, rest = read(kind[:-1], rest)
            values.append(value)
        return values, rest
    if kind == "plan":
        values, rest = {}, data
        for name, k in PLAN:
            values[name], rest = read(k, rest)
        return values, rest
    assert kind == "slots"
    n_bytes, rest = read("uint", rest)
    slots, before, gap, power = [], -1, 0, 1
    for byte in rest[:n_bytes]:
        gap += byte % 128 * power
        power *= 128
        if byte < 128:
            before += gap + 1
            slots.append(before)
            gap, power = 0, 1
    assert len(slots) == count
    return slots, rest[n_bytes:]


def encode(name, **fields):
    kind, layout = MESSAGES[name]
    return bytes([1, kind]) + b"".join(write(k, fields[f]) for f, k in layout)


def decode(data):
    """Return (name, fields)."""
    assert data[0] == 1
    name = NAMES[data[1]]
    rest, fields = data[2:], {}
    for field, kind in MESSAGES[name][1]:
        fields[field], rest = read(kind, rest)
    assert rest == b""
    return name, fields


def poly1305(key, data):
    """RFC 8439, section 2.5.1."""
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        block = data[at : at + 16] + b"\x01"
        total = (total + int.from_bytes(block, "little")) * r % (2**130 - 5)
    total += int.from_bytes(key[16:], "little")
    return (total % 2**128).to_bytes(16, "little")


class Line:
    """A sealed line: tags per phase, pads by turns from the shared secret."""

    def __init__(self, channel, out, session, configuration, secret):
        self.channel = channel
        self.ways = {"out": out, "in": "bob-to-alice"}
        if out == "bob-to-alice":
            self.ways["in"] = "alice-to-bob"
        self.session, self.configuration = session, configuration
        self.secret = secret
        self.messages = {"out": [], "in": []}
        self.phase = {"out": 0, "in": 0}
        self.count = {"out": 0, "in": 0}
        self.transcript = []

    def tag(self, side, pad_index):
        way = self.ways[side]
        turn = 0 if way == "alice-to-bob" else 1
        hash_key = self.secret[32 + 16 * turn : 48 + 16 * turn]
        at = 64 + 32 * pad_index + 16 * turn
        covered = b"".join(
            write("blob", part)
            for part in (
                b"qkdlab/seal",
                bytes([1, 5]),
                self.session,
                way.encode(),
                self.configuration,
            )
        )
        phase = self.messages[side]
        covered += u64(self.phase[side]) + u64(pad_index) + u64(len(phase))
        covered += b"".join(write("blob", data) for data in phase)
        return poly1305(hash_key + self.secret[at : at + 16], covered)

    def send(self, name, *, end=True, **fields):
        data = encode(name, **fields)
        self.transcript.append((self.ways["out"], data))
        self.messages["out"].append(data)
        self.count["out"] += 1
        number = u64(self.count["out"])
        if not end:
            self.channel.send(bytes([1, 0]) + number + data)
            return
        # this party never lost a pad: phase n spends pad n
        pad = self.phase["out"]
        tag = self.tag("out", pad)
        self.channel.send(bytes([1, 1]) + number + u64(pad) + tag + data)
        self.phase["out"] += 1
        self.messages["out"] = []

    def receive(self, *names):
        """Return (name, fields, closing) of the next message; checks the tags."""
        frame = self.channel.receive(60.0)
        assert frame[0] == 1
        assert frame[1] in (0, 1), "the other party aborted"
        self.count["in"] += 1
        assert frame[2:10] == u64(self.count["in"])
        closing = frame[1] == 1
        data = frame[10:]
        if closing:
            pad, tag, data = int.from_bytes(data[:8], "little"), data[8:24], data[24:]
        self.messages["in"].append(data)
        self.transcript.append((self.ways["in"], data))
        if closing:
            assert tag == self.tag("in", pad)
            self.phase["in"] += 1
            self.messages["in"] = []
        name, fields = decode(data)
        assert name in names, name
        return name, fields, closing
