"""Seeds: every source of randomness derives from the campaign's seed by name, never by call order."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_sequence(campaign_seed: int, label: str, repetition: int = 0) -> np.random.SeedSequence:
    """The seed of one run, by (campaign seed, agent label, repetition): other agents never change it."""
    digest = hashlib.blake2b(label.encode(), digest_size=16).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.SeedSequence([campaign_seed, *words], spawn_key=(repetition,))


def simulation_seed(design: str, workload: str, replicate: int = 0) -> int:
    """63-bit seed of one simulation, from what is simulated: design id, workload hash and replicate."""
    text = f"{design}/{workload}/{replicate}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1
