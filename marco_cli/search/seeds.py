"""Random streams that do not depend on the order in which a search does things."""

from hashlib import blake2b


def derive_seed(run_seed: int, key: bytes, index: int) -> int:
    """Return the seed of the `index`-th continuation of the path with this `Node.key`, in [0, 2**63).

    A hash of all three: the same prefix gets the same continuations in every search with the same run seed.
    """
    text = b"%d:%d:" % (run_seed, index) + key
    return int.from_bytes(blake2b(text, digest_size=8).digest()) >> 1
