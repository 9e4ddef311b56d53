# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Damage that disks, networks and editors do to files."""

import random


def damaged_recordings(data: bytes, randomness: random.Random):
    """Truncations, cut headers, flipped bits (anywhere, and where headers are), holes and repetitions."""
    size = len(data)
    for share in (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99):
        yield f"cut at {share}", data[: int(size * share)]
    for begin in (4, 40, 400):
        yield f"without the first {begin}", data[begin:]
    places = {"anywhere": (0, size), "in the beginning": (0, min(600, size)), "in the end": (max(0, size - 2500), size)}
    for place, (begin, end) in places.items():
        for flips in (1, 4, 16, 64):
            for attempt in range(3):
                flipped = bytearray(data)
                for _ in range(flips):
                    flipped[randomness.randrange(begin, end)] ^= 1 << randomness.randrange(8)
                yield f"{flips} bits flipped {place}, {attempt}", bytes(flipped)
    middle = size // 2
    yield "zeros", data[:middle] + bytes(size // 4) + data[middle + size // 4 :]
    yield "doubled", data + data
    yield "turned", data[middle:] + data[:middle]


def damaged_text(content: bytes, generator: random.Random) -> bytes:
    """The content with one kind of damage."""
    kind = generator.randrange(7)
    if kind == 0:
        return content[: generator.randrange(len(content))]
    if kind == 1:
        flipped = bytearray(content)
        for _ in range(generator.randint(1, 12)):
            flipped[generator.randrange(len(flipped))] ^= 1 << generator.randrange(8)
        return bytes(flipped)
    if kind == 2:  # larger numbers
        return content.replace(b"00", str(generator.choice([10**9, 10**400, "nan", -1, "1e999"])).encode(), 2)
    if kind == 3:  # another encoding, with or without a byte order mark, cut at any place
        encoding = generator.choice(["utf-16", "utf-16-le", "utf-32", "utf-7", "cp037"])
        return content.decode().encode(encoding, "replace")[: generator.randint(1, 4 * len(content))]
    if kind == 4:
        start, end = sorted(generator.sample(range(len(content)), 2))
        return content[:start] + content[end:] + content[start:end]
    if kind == 5:
        return generator.randbytes(generator.randint(0, 300))
    return b"\n".join(generator.sample(content.split(b"\n"), len(content.split(b"\n"))))
