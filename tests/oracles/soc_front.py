"""What a front end should do, computed another way: from the whole history of a run at once.

Written from the papers, apart from the twins: which set a replacement policy keeps follows from the number of
other keys used since (Mattson et al. 1970), a bounded stack from the whole stack and a height, histories are
slices of all outcomes, and a frame is the rank of a page's first appearance.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

CONDITIONAL = (3, 7)
CALLS, INDIRECT, RETURN = (4, 5), (2, 5), 6
RIGHT, UNTIL_EXECUTED, UNTIL_DECODED = 0, 1, 2


def outcomes(ip, target, kind, taken, guesses, *, btb_sets, btb_ways, indirect_targets, return_addresses):
    """What becomes of each branch; guesses: of the directions of the conditional ones, in their order."""
    known = known_targets(ip, target, kind, taken, btb_sets, btb_ways)
    indirect = indirect_guesses(ip, target, kind, taken, indirect_targets)
    returns = return_guesses(ip, target, kind, return_addresses)
    guess = iter(guesses)
    found = []
    for i in range(len(ip)):
        is_direct = kind[i] not in INDIRECT and kind[i] != RETURN
        if kind[i] in CONDITIONAL and next(guess) != taken[i]:
            found.append(UNTIL_EXECUTED)
        elif kind[i] in CONDITIONAL and not taken[i]:
            found.append(RIGHT)
        elif is_direct:
            found.append(RIGHT if known[i] == target[i] else UNTIL_DECODED)
        else:
            guessed = (returns if kind[i] == RETURN else indirect)[i]
            found.append(RIGHT if known[i] is not None and guessed == target[i] else UNTIL_EXECUTED)
    return found


# ------------------------------------------------------------------------------------------------- targets


def is_kept(uses, key, ways):
    """Whether LRU still holds `key` after `uses`: fewer than `ways` others have been used since."""
    others = set()
    for used in reversed(uses):
        if used == key:
            return len(others) < ways
        others.add(used)
    return False


def hits(keys, sets, ways, set_of=lambda key: key):
    """Whether each key is found by a buffer that takes in all it does not find."""
    uses = defaultdict(list)
    found = []
    for key in keys:
        row = uses[set_of(key) % sets]
        found.append(is_kept(row, key, ways))
        row.append(key)
    return found


def known_targets(ip, target, kind, taken, sets, ways):
    """The target that the buffer holds for each branch when it is predicted, or None."""
    uses, last, found = defaultdict(list), {}, []
    for i, address in enumerate(ip):
        row = uses[(address >> 2) % sets]
        is_there = is_kept(row, address, ways)
        goes = bool(taken[i]) or kind[i] not in CONDITIONAL
        found.append(last[address] if is_there else None)
        if goes:
            last[address] = target[i]
        if goes or is_there:
            row.append(address)
    return found


def indirect_guesses(ip, target, kind, taken, size):
    """For each indirect branch, where the last one that met the same place of the table went."""
    bits = size.bit_length() - 1
    text, place_of_last, found = "0" * bits, {}, [None] * len(ip)
    for i in range(len(ip)):
        if kind[i] in INDIRECT:
            recent = int(text[len(text) - bits :] or "0", 2)
            place = ((ip[i] >> 2) & (size - 1)) ^ recent
            if place in place_of_last:
                found[i] = target[place_of_last[place]]
            place_of_last[place] = i
        elif kind[i] in CONDITIONAL:
            text += "1" if taken[i] else "0"
    return found


def return_guesses(ip, target, kind, places):
    """For each return, behind which call it goes: the top of the whole stack, if the bounded one has any."""
    whole, height, size, found = [], 0, [4] * 1024, [None] * len(ip)
    for i in range(len(ip)):
        if kind[i] in CALLS:
            whole.append(ip[i])
            height = min(height + 1, places)
        elif kind[i] == RETURN:
            caller = whole.pop() if whole else None
            if height:
                found[i] = caller + size[caller & 1023]
                if target[i] in range(caller, caller + 11):
                    size[caller & 1023] = target[i] - caller
            height = max(height - 1, 0)
    return found


# ----------------------------------------------------------------------------------------------- direction


def by_counters(places, taken):
    """Guesses of two-bit counters from 0, one for each place."""
    counter, found = defaultdict(int), []
    for place, up in zip(places, taken, strict=True):
        found.append(counter[place] > 1)
        counter[place] = min(counter[place] + 1, 3) if up else max(counter[place] - 1, 0)
    return found


def not_taken(ip, taken):
    return [False] * len(ip)


def bimodal(ip, taken):
    return by_counters([address % 16381 for address in ip], taken)


def gshare(ip, taken):
    before = np.concatenate([np.zeros(14, np.int64), np.asarray(taken, np.int64)])
    history = sum(before[14 - age : len(before) - age] << (age - 1) for age in range(1, 15))[: len(ip)]
    return by_counters([(address & 16383) ^ int(h) for address, h in zip(ip, history, strict=True)], taken)


def perceptron(ip, taken):
    signs = np.concatenate([np.full(24, -1), np.where(taken, 1, -1)])
    weights = np.zeros((163, 25), int)
    found = []
    for i, address in enumerate(ip):
        inputs = np.append(signs[i : i + 24][::-1], 1)
        row = weights[address % 163]
        vote = int(row @ inputs)
        found.append(vote >= 0)
        if found[-1] != bool(taken[i]) or abs(vote) <= 60:
            row[:] = np.clip(row + signs[24 + i] * inputs, -128, 127)
    return found


def tage(ip, taken):
    """Tables as one dict {(table, index): [tag, counter from -3.5 to 3.5, useful]}, history as text."""
    base, tables, trust, found = defaultdict(int), {}, 0, []
    text = "0" * 130  # the oldest first
    for i, (address, up) in enumerate(zip(ip, map(bool, taken), strict=True), 1):
        places = [_place(text, address, k) for k in range(4)]
        matching = [k for k in range(4) if tables.get(places[k][:2], [None])[0] == places[k][2]]
        says = [base[address % 16381] > 1] + [tables[places[k][:2]][1] > 0 for k in matching]
        guess = own = says[-1]
        if matching:
            entry = tables[places[matching[-1]][:2]]
            is_new = abs(entry[1]) == 0.5 and entry[2] == 0
            guess = says[-2] if is_new and trust >= 0 else own
            if says[-2] != own:
                if is_new:
                    trust = min(trust + 1, 7) if own != up else max(trust - 1, -8)
                entry[2] = min(entry[2] + 1, 3) if own == up else max(entry[2] - 1, 0)
            entry[1] = min(entry[1] + 1, 3.5) if up else max(entry[1] - 1, -3.5)
        else:
            base[address % 16381] = (
                min(3, base[address % 16381] + 1) if up else max(0, base[address % 16381] - 1)
            )
        if guess != up and own != up:
            longer = places[matching[-1] + 1 if matching else 0 :]
            free = [place for place in longer if tables.get(place[:2], [0, 0, 0])[2] == 0]
            for place in free[:1]:
                tables[place[:2]] = [place[2], 0.5 if up else -0.5, 0]
            for place in longer if not free else []:
                tables[place[:2]][2] -= 1
        text = text[1:] + "01"[up]
        if i % 262144 == 0:
            for entry in tables.values():
                entry[2] = entry[2] % 2 if i // 262144 % 2 else entry[2] // 2 * 2
        found.append(guess)
    return found


def _place(text, address, table):
    """Table, index and tag of a branch."""
    recent = text[-(5, 15, 44, 130)[table] :]
    index = address ^ (address >> (10 - table)) ^ _fold(recent, 10)
    tag = address ^ _fold(recent, 9) ^ (_fold(recent, 8) * 2)
    return table, index % 1024, tag % 512


def _fold(text, width):
    """Pieces of the text, from its end, as binary numbers, XORed."""
    folded = 0
    for end in range(len(text), 0, -width):
        folded ^= int(text[max(end - width, 0) : end], 2)
    return folded


DIRECTIONS = (not_taken, bimodal, gshare, perceptron, tage)  # as simulators.soc.twin.branch.PREDICTORS


# --------------------------------------------------------------------------------------------- translation


def first_levels(pages, levels, leaf, caches):
    """Where each walk begins. It reads, and the caches take in, every level that no hit saves."""
    found, is_saved = [levels] * len(pages), [False] * len(pages)
    for level in range(leaf + 1, levels + 1):
        sets, ways = caches.get(level, (1, 0))
        uses = defaultdict(list)
        for i, page in enumerate(pages):
            entry = page >> 9 * (level - leaf)
            is_there = is_kept(uses[entry % sets], entry, ways)
            if is_there or not is_saved[i]:
                uses[entry % sets].append(entry)
            if is_there and not is_saved[i]:
                found[i], is_saved[i] = level - 1, True
    return found
