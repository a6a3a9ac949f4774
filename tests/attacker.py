"""A thief with everything that two parties left and all that passed on the wire.

``python attacker.py DIR`` reads DIR (both parties' files and folders, ``wire.bin`` with
the frames of the classical channel) and tries every way that it knows to rebuild
Alice's sifted bits and the final key. It prints JSON: for each way how well its bits
agree with the disclosed bits of the test slots, which it uses as crib, and the key that
follows from the best. The software is no secret, so it uses qkdlab's own.

A key store is what a thief wants, and holds keys until they are delivered: DIR is
taken after that.
"""

from __future__ import annotations

import json
import math
import re
import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from qkdlab.bits.array import BitArray
from qkdlab.distill.toeplitz import toeplitz_hash
from qkdlab.link.codec import decode
from qkdlab.link.direction import Direction
from qkdlab.link.messages import (
    Amplification,
    BobTestBits,
    Hello,
    SettingsBatch,
    SettingsEnd,
    SlotBatch,
)
from qkdlab.link.seal import transcript_from_capture
from qkdlab.protocols.symbols import composition, exact_count_pattern, header_pattern
from qkdlab.randomness import RecordedRandomness, SeededRandomness
from qkdlab.session.journal import records_of

Bits = NDArray[np.uint8]
ROOT = "/user/qkdlab"
SIGNIFICANT = 6.0
"""Standard deviations by which a way must beat chance on the test slots."""


@dataclass
class Heard:
    """What the wire tells of the first block.

    slot:      int64[n], all accepted slots
    test, key: indices into them, by basis
    test_bits: Alice's, disclosed
    """

    slot: NDArray[np.int64]
    test: NDArray[np.int64]
    key: NDArray[np.int64]
    test_bits: Bits
    bob_test_bits: Bits
    plan: Any
    amplification: Any

    def agreement(self, guess: Bits) -> tuple[float, float]:
        """Return how often bits of all accepted slots are right in the test slots.

        With the number of standard deviations from a coin. A thief who gets bits of
        the opposite sign inverts them.
        """
        n = self.test.size
        right = max(
            np.mean(guess[self.test] == known)
            for known in (self.test_bits, self.bob_test_bits)
        )
        return float(right), float((2 * right - 1) * math.sqrt(n))


def hear(folder: Path) -> Heard:
    """Read the frames of ``wire.bin`` and the messages in them."""
    data, frames, at = (folder / "wire.bin").read_bytes(), [], 0
    while at < len(data):
        way = (Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE)[data[at]]
        length = int.from_bytes(data[at + 1 : at + 9], "little")
        frames.append((way, data[at + 9 : at + 9 + length]))
        at += 9 + length
    said = [
        decode(message)
        for _, message in transcript_from_capture(frames)
        if not message.startswith(b"{")
    ]
    last = next(n for n, m in enumerate(said) if isinstance(m, Amplification))
    said = said[: last + 1]
    slots = [m for m in said if isinstance(m, SlotBatch)]
    settings = [m for m in said if isinstance(m, SettingsBatch)]
    (end,) = (m for m in said if isinstance(m, SettingsEnd))
    (bob,) = (m for m in said if isinstance(m, BobTestBits))
    his = np.concatenate([m.basis.to_bools() for m in slots])
    hers = np.concatenate([m.basis.to_bools() for m in settings])
    cross = np.concatenate([m.cross.to_bools() for m in slots]).astype(bool)
    same = (his == hers) & ~cross
    return Heard(
        np.concatenate([m.slots.values() for m in slots]),
        np.flatnonzero(same & (his == 1)),
        np.flatnonzero(same & (his == 0)),
        end.test_bits.to_bools(),
        bob.bits.to_bools(),
        next(m.plan for m in said if isinstance(m, Hello)),
        next(m for m in said if isinstance(m, Amplification)),
    )


def files(folder: Path) -> Iterator[Path]:
    yield from (p for p in sorted(folder.rglob("*")) if p.is_file())


def run_files(folder: Path) -> Iterator[h5py.File]:
    for path in files(folder):
        if path.suffix in (".h5", ".part", ".new") and h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                yield file


def arrays(folder: Path) -> Iterator[NDArray[Any]]:
    """Yield every dataset of every run file."""
    for file in run_files(folder):
        found: list[NDArray[Any]] = []
        file.visititems(
            lambda _, node, found=found: (
                found.append(np.atleast_1d(node[()]))
                if isinstance(node, h5py.Dataset)
                else None
            )
        )
        yield from found


def by_settings(folder: Path, heard: Heard) -> Iterator[Bits]:
    """Any array with a byte per pulse: its lowest bit in the announced slots."""
    for array in arrays(folder):
        if array.dtype == np.uint8 and array.size > 1000:
            yield array[heard.slot % array.size] & 1


def by_randomness(folder: Path, heard: Heard) -> Iterator[Bits]:
    """Draws on record: shuffle the pattern once more."""
    for file in run_files(folder):
        if f"{ROOT}/randomness" in file:
            heap = file[f"{ROOT}/randomness/bytes"][()].tobytes()
            index = file[f"{ROOT}/randomness/index"][()]
            draws = [
                _draw(heap[int(r["start"]) : int(r["start"] + r["length"])])
                for r in index
            ]
            yield from _pattern(RecordedRandomness(draws, False), file, heard)


def by_seed(folder: Path, heard: Heard) -> Iterator[Bits]:
    """A seed anywhere: draw everything once more."""
    seeds = {
        int(seed)
        for path in files(folder)
        for seed in re.findall(rb'"seed": ?(\d+)', path.read_bytes())
    }
    for file in run_files(folder):
        seed = json.loads(bytes(file[f"{ROOT}/config"][()])).get("seed")
        seeds |= {seed} if seed is not None else set()
        for value in seeds:
            yield from _pattern(SeededRandomness(value, "alice"), file, heard)


def _draw(data: bytes) -> tuple[str, BitArray]:
    end = 2 + int.from_bytes(data[:2], "little")
    n_bits = int.from_bytes(data[end : end + 8], "little")
    return data[2:end].decode(), BitArray.from_bytes(data[end + 8 :], n_bits)


def _pattern(randomness: Any, file: h5py.File, heard: Heard) -> Iterator[Bits]:
    p = json.loads(bytes(file[f"{ROOT}/config"][()]))["parameters"]
    header = heard.plan.header_symbols
    chances = [
        p["intensities"][name]["probability"] for name in ("signal", "decoy", "vacuum")
    ]
    counts = composition(heard.plan.symbols - header, p["basis_x_probability"], chances)
    try:
        body = exact_count_pattern(counts, randomness)
    except LookupError:
        return
    frame = np.concatenate([header_pattern(header, "bb84"), body])
    yield frame[heard.slot % frame.size] & 1


def _tags(folder: Path) -> Iterator[tuple[NDArray[np.int64], Bits]]:
    for file in run_files(folder):
        t = file["/photon_data/timestamps"][()]
        if t.size > 1000:
            yield t, file["/photon_data/detectors"][()]


def _place_tags(
    t: NDArray[np.int64], heard: Heard
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find the tag of each announced slot; return (slots found, tags, times in slot).

    The time of the first slot is where most announced slots meet a tag.
    """
    slot_ps = 10_000
    phase = np.angle(np.exp(2j * np.pi * (t % slot_ps) / slot_ps).mean())
    phase_ps = round(phase / (2 * np.pi) * slot_ps) % slot_ps
    since = t - phase_ps + slot_ps // 2
    number, rest = since // slot_ps, since % slot_ps
    length = int(max(number.max(), heard.slot.max())) + 2
    one, other = np.zeros(2 * length), np.zeros(2 * length)
    one[number], other[heard.slot] = 1, 1
    fit = np.fft.irfft(np.fft.rfft(one) * np.conj(np.fft.rfft(other)), 2 * length)
    shift = int(np.argmax(fit))
    shift -= 2 * length if shift >= length else 0
    tag_of = np.full(2 * length, -1)
    tag_of[number] = np.arange(number.size)
    tag = tag_of[heard.slot + shift]
    found = np.flatnonzero(tag >= 0)
    return found, tag[found], rest


def by_detectors(folder: Path, heard: Heard) -> Iterator[Bits]:
    """Detector numbers of the tags in the announced slots."""
    for t, ch in _tags(folder):
        found, tag, _ = _place_tags(t, heard)
        guess = np.random.default_rng(1).integers(0, 2, heard.slot.size, np.uint8)
        guess[found] = ch[tag] & 1
        yield guess


def by_fine_times(folder: Path, heard: Heard) -> Iterator[Bits]:
    """Times within the slot: detectors behind longer cables come later."""
    for t, _ in _tags(folder):
        found, tag, rest = _place_tags(t, heard)
        mine = rest[tag]
        for basis in (heard.test, heard.key):
            chosen = np.isin(found, basis)
            times = mine[chosen]
            if times.size == 0 or np.ptp(times) == 0:
                break
            middle = (np.percentile(times, 2) + np.percentile(times, 98)) / 2
            late = (times > middle).astype(np.uint8)
            if basis is heard.test:
                guess = np.random.default_rng(2).integers(0, 2, heard.slot.size)
                guess = guess.astype(np.uint8)
            guess[found[chosen]] = late
        else:
            yield guess
            # which of the two is late may be otherwise in the other basis
            yield 1 - guess
            other = guess.copy()
            other[heard.key] ^= 1
            yield other


def by_journal(folder: Path, heard: Heard) -> Iterator[Bits]:
    """Commits before disclosure: Bob's outcomes of all accepted slots."""
    journals = [p.read_bytes() for p in files(folder) if p.name == "journal.bin"]
    for file in run_files(folder):
        if f"{ROOT}/journal" in file:
            journals.append(file[f"{ROOT}/journal"][()].tobytes())
    for record in (r for data in journals for r in records_of(data)):
        if record.label == "outcomes":
            n = int.from_bytes(record.data[8:16], "little")
            if n == heard.slot.size:
                yield BitArray.from_bytes(record.data[16:], n).to_bools()


def by_remains(folder: Path, heard: Heard) -> Iterator[Bits]:
    """Raw bytes of everything, packed streams inside them included.

    Logs, snapshots, results, pads, traffic, deleted parts of files: read as a byte per
    pulse, as bits per pulse and as bits per accepted slot, from every byte on.
    """
    for path in files(folder):
        if path.name == "wire.bin":
            continue
        for raw in _streams(path.read_bytes()):
            yield from _in_stream(np.frombuffer(raw, np.uint8), heard)


def _streams(data: bytes) -> Iterator[bytes]:
    yield data
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        try:
            unpacked = zlib.decompressobj().decompress(data[found.start() :], 1 << 26)
        except zlib.error:
            continue
        if len(unpacked) > 4096:
            yield unpacked


def _in_stream(raw: Bits, heard: Heard) -> Iterator[Bits]:
    crib = slice(0, 48)
    test, known = heard.test[crib], heard.test_bits[crib]
    bits = np.unpackbits(raw, bitorder="little")
    readings = (
        (raw & 1, heard.slot),
        (bits, heard.slot),
        (bits, np.arange(heard.slot.size)),
    )
    for values, place in readings:
        room = values.size - int(place[-1])
        if room <= 0:
            continue
        hits = np.zeros(room, np.int32)
        for at, bit in zip(place[test], known, strict=True):
            hits += values[at : at + room] == bit
        best = int(np.argmax(hits))
        yield values[best + place].copy()


WAYS: dict[str, Callable[[Path, Heard], Iterator[Bits]]] = {
    "settings": by_settings,
    "randomness": by_randomness,
    "seed": by_seed,
    "detectors": by_detectors,
    "fine times": by_fine_times,
    "journal": by_journal,
    "remains": by_remains,
}


def stored_keys(folder: Path) -> list[bytes]:
    """Return the bits of keys that a store still holds."""
    held = []
    for path in files(folder):
        for text in re.findall(rb'"bits": ?"([A-Za-z0-9+/=]+)"', path.read_bytes()):
            held.append(b64decode(text))
    return [bits for bits in held if bits]


def final_key(guess: Bits, heard: Heard) -> bytes:
    """Return the key that follows from sifted bits."""
    a = heard.amplification
    bits = BitArray.from_bools(guess[heard.key])
    return toeplitz_hash(bits, a.seed, a.length).to_bytes()


def attack(folder: Path) -> dict[str, Any]:
    """Try every way; return what it gave."""
    heard = hear(folder)
    ways: dict[str, Any] = {}
    sifted, final = None, stored_keys(folder)
    for name, way in WAYS.items():
        tried = [(*heard.agreement(guess), guess) for guess in way(folder, heard)]
        # the crib of a search is spent: it says nothing any more
        right, sigmas, guess = max(tried, key=lambda t: t[1], default=(0.5, 0.0, None))
        ways[name] = {"agreement": right, "sigmas": sigmas, "tried": len(tried)}
        if guess is not None and sigmas > SIGNIFICANT:
            sifted = sifted if sifted is not None else guess[heard.key]
            final.append(final_key(guess, heard))
    return {
        "ways": ways,
        "sifted": None if sifted is None else b64encode(np.packbits(sifted)).decode(),
        "final": [b64encode(key).decode() for key in final],
    }


if __name__ == "__main__":
    print(json.dumps(attack(Path(sys.argv[1]))))
