"""Ten lines of a user's: key length from counts, typed."""

from qkdlab.bits.array import BitArray
from qkdlab.security.keylength import keylength

request: dict[str, object] = {"protocol": "bb84-single-photon", "n": 900_000}
request |= {"k": 100_000, "qber_tolerated": 0.02, "leak_bits": 150_000}
request |= {"epsilon_secrecy": 1e-10, "epsilon_correctness": 1e-15}
bits: int = int(keylength(request)["secret_bits"])
key: BitArray = BitArray.zeros(bits)
print(len(key), "bits could be made")
