"""Sums and dot products of one row of weights, or of several rows at a time."""

from engine.numba_launch import jit


@jit
def dot(a, b):
    total = a.dtype.type(0)
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@jit
def add(to, weight, row):
    for j in range(len(to)):
        to[j] += weight * row[j]


@jit
def add_four(to, w0, row0, w1, row1, w2, row2, w3, row3):
    """`to` is read and written once for four rows."""
    for j in range(len(to)):
        to[j] += w0 * row0[j] + w1 * row1[j] + w2 * row2[j] + w3 * row3[j]


@jit
def dot_four(a, row0, row1, row2, row3):
    """`a` is read once for four rows."""
    zero = a.dtype.type(0)
    s0, s1, s2, s3 = zero, zero, zero, zero
    for j in range(len(a)):
        s0 += a[j] * row0[j]
        s1 += a[j] * row1[j]
        s2 += a[j] * row2[j]
        s3 += a[j] * row3[j]
    return s0, s1, s2, s3


@jit
def dots_with(vector, rows, features, out, first, last):
    """vector · rows[features[entry]] for the entries from `first` to `last`."""
    entry = first
    while entry + 4 <= last:
        f0, f1 = features[entry], features[entry + 1]
        f2, f3 = features[entry + 2], features[entry + 3]
        out[entry], out[entry + 1], out[entry + 2], out[entry + 3] = dot_four(
            vector, rows[f0], rows[f1], rows[f2], rows[f3]
        )
        entry += 4
    while entry < last:
        out[entry] = dot(vector, rows[features[entry]])
        entry += 1


@jit
def add_rows(to, weights, entries, rows, which, first, last):
    """Add weights[entries[place]] · rows[which[place]] for the places from `first` to
    `last`."""
    place = first
    while place + 4 <= last:
        a, b, c, d = place, place + 1, place + 2, place + 3
        add_four(
            to,
            weights[entries[a]],
            rows[which[a]],
            weights[entries[b]],
            rows[which[b]],
            weights[entries[c]],
            rows[which[c]],
            weights[entries[d]],
            rows[which[d]],
        )
        place += 4
    while place < last:
        add(to, weights[entries[place]], rows[which[place]])
        place += 1
