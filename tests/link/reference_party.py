"""A slow, plain Alice and Bob that share no code with `qkdlab.link` or `distill`.

Written as people would tell it, top to bottom, over a sealed line. They speak BB84 with
our parties, and both must end with the same key bit for bit.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from link.reference_codec import Line
from link.reference_mathematics import (
    lim_2014,
    sift,
    toeplitz,
    verification,
)
from plain_cascade import PlainCascade


@dataclass
class Ending:
    key: list[int]
    key_id: str
    length: int
    leak_bits: int
    wrong: list[int]


def greet(line, plan):
    line.send(
        "hello",
        protocol_version=5,
        session=line.session,
        configuration=line.configuration,
        plan=plan,
    )
    _, theirs, closing = line.receive("hello")
    assert closing
    assert theirs["plan"] == plan
    assert theirs["session"] == line.session
    assert theirs["configuration"] == line.configuration


def key_name(session, block):
    material = b"qkdlab/key-id/1" + session + block.to_bytes(8, "little")
    return str(uuid.UUID(bytes=hashlib.sha256(material).digest()[:16]))


def leaks(transcript):
    """Return the bits that each direction disclosed, verification tag left out."""
    totals = {"alice-to-bob": 0, "bob-to-alice": 0}
    for way, data in transcript:
        if data[1] == 0x41:
            totals[way] += int.from_bytes(data[10:18], "little")
        if data[1] == 0x51:
            totals[way] += 1
    return totals


def differences(mine, theirs):
    """Compare one round's parities of the only batch."""
    assert theirs["batch"] == 0
    return [a ^ b for a, b in zip(mine, theirs["bits"], strict=True)]


def secret_length(plan, counted, box, leak):
    """counted: {"n_x": [...], "n_z": [...], "m_z": [...]} by intensity."""
    composition = plan["composition"]
    p_x = [n / sum(composition[:3]) for n in composition[:3]]
    p_z = [n / sum(composition[3:]) for n in composition[3:]]
    length = lim_2014(
        counted["n_x"],
        counted["n_z"],
        counted["m_z"],
        p_x,
        p_z,
        box,
        leak,
        plan["epsilon_secrecy"],
        plan["verification_bits"],
    )
    return int(length)


def count(intensity, key, test, wrong):
    counted = {"n_x": [0, 0, 0], "n_z": [0, 0, 0], "m_z": [0, 0, 0]}
    for i in key:
        counted["n_x"][intensity[i]] += 1
    for i, error in zip(test, wrong, strict=True):
        counted["n_z"][intensity[i]] += 1
        counted["m_z"][intensity[i]] += error
    return counted


def reference_bob(line, plan, slots, basis, value, cross, double, live_slots):
    """Bob: lists by accepted slot, header slots left out."""
    greet(line, plan)
    line.send("slots", slots=slots, basis=basis, cross=cross, end=False)
    line.send(
        "slots-end",
        accepted=len(slots),
        live_slots=live_slots,
        double_clicks=sum(double),
    )
    alice_basis, intensity = [], []
    while True:
        name, fields, closing = line.receive("settings", "settings-end")
        if name == "settings-end":
            break
        alice_basis += fields["basis"]
        for low, high in zip(fields["low"], fields["high"], strict=True):
            intensity.append(low + 2 * high)
    assert closing
    key, test = sift(alice_basis, basis, cross)
    tests = [value[i] for i in test]
    line.send(
        "test",
        bits=tests,
        double_key=[sum(double[i] for i in key if intensity[i] == k) for k in range(3)],
        double_test=[
            sum(double[i] for i in test if intensity[i] == k) for k in range(3)
        ],
    )
    wrong = [a ^ b for a, b in zip(fields["test_bits"], tests, strict=True)]
    counted = count(intensity, key, test, wrong)
    box = list(zip(fields["lowest"], fields["highest"], strict=True))

    _, fields, _ = line.receive("reconcile")
    assert fields["method"] == plan["reconciliation"]
    qber = (sum(wrong) + 1) / (len(wrong) + 2)
    bits = [value[i] for i in key]
    half = PlainCascade("bob", bits, plan["frame_bits"], qber, fields["seed"])
    rounds = 0
    while mine := half.ask():
        line.send("parities", batch=0, bits=mine, end=False)
        _, fields, _ = line.receive("parities")
        half.tell(differences(mine, fields))
        rounds += 1
    line.send("reconcile-end", rounds=rounds)
    _, fields, closing = line.receive("reconcile-end")
    assert closing
    assert fields["rounds"] == rounds
    bits = half.corrected()

    _, fields, _ = line.receive("verify")
    equal = fields["tag"] == verification(
        bits, fields["key"], plan["verification_bits"]
    )
    line.send("verdict", equal=int(equal))
    assert equal

    leak = leaks(line.transcript)
    length = secret_length(plan, counted, box, sum(leak.values()))
    _, fields, _ = line.receive("amplify")
    assert fields["length"] == length
    assert fields["leak_alice_to_bob"] == leak["alice-to-bob"]
    assert fields["leak_bob_to_alice"] == leak["bob-to-alice"]
    assert fields["verification_bits"] == plan["verification_bits"]
    name = key_name(line.session, plan["block"])
    assert fields["key_id"] == name
    final = toeplitz(bits, fields["seed"], length)
    line.send("done", key_id=name)
    _, fields, closing = line.receive("done")
    assert closing
    assert fields["key_id"] == name
    return Ending(final, name, length, sum(leak.values()), half.wrong())


def reference_alice(line, plan, pattern, box, random_bits):
    """Alice: pattern is a list of setting bytes; random_bits(n) gives n public bits."""
    greet(line, plan)
    slots, bob_basis, cross = [], [], []
    while True:
        name, fields, closing = line.receive("slots", "slots-end")
        if name == "slots-end":
            break
        slots += fields["slots"]
        bob_basis += fields["basis"]
        cross += fields["cross"]
    assert closing
    assert fields["accepted"] == len(slots)
    settings = [pattern[slot % len(pattern)] for slot in slots]
    alice_basis = [s >> 1 & 1 for s in settings]
    intensity = [s >> 2 & 3 for s in settings]
    key, test = sift(alice_basis, bob_basis, cross)
    tests = [settings[i] & 1 for i in test]
    line.send(
        "settings",
        basis=alice_basis,
        low=[k & 1 for k in intensity],
        high=[k >> 1 for k in intensity],
        end=False,
    )
    line.send(
        "settings-end",
        test_bits=tests,
        lowest=[low for low, _ in box],
        highest=[high for _, high in box],
    )
    _, fields, _ = line.receive("test")
    wrong = [a ^ b for a, b in zip(fields["bits"], tests, strict=True)]
    counted = count(intensity, key, test, wrong)

    seed = random_bits(256)
    seed = sum(bit << i for i, bit in enumerate(seed)).to_bytes(32, "little")
    line.send("reconcile", seed=seed, method=plan["reconciliation"])
    bits = [settings[i] & 1 for i in key]
    qber = (sum(wrong) + 1) / (len(wrong) + 2)
    half = PlainCascade("alice", bits, plan["frame_bits"], qber, seed)
    rounds = 0
    while True:
        name, fields, closing = line.receive("parities", "reconcile-end")
        mine = half.ask()
        if name == "reconcile-end":
            break
        line.send("parities", batch=0, bits=mine, end=False)
        half.tell(differences(mine, fields))
        rounds += 1
    assert not mine
    assert closing
    assert fields["rounds"] == rounds
    line.send("reconcile-end", rounds=rounds)

    key = random_bits(128)
    tag = verification(bits, key, plan["verification_bits"])
    line.send("verify", key=key, tag=tag)
    _, fields, _ = line.receive("verdict")
    assert fields["equal"] == 1

    leak = leaks(line.transcript)
    length = secret_length(plan, counted, box, sum(leak.values()))
    amplification = random_bits(len(bits) - 1)
    name = key_name(line.session, plan["block"])
    line.send(
        "amplify",
        seed=amplification,
        length=length,
        leak_alice_to_bob=leak["alice-to-bob"],
        leak_bob_to_alice=leak["bob-to-alice"],
        verification_bits=plan["verification_bits"],
        key_id=name,
    )
    final = toeplitz(bits, amplification, length)
    _, fields, _ = line.receive("done")
    assert fields["key_id"] == name
    line.send("done", key_id=name)
    return Ending(final, name, length, sum(leak.values()), half.wrong())


__all__ = ["Ending", "Line", "reference_alice", "reference_bob"]
