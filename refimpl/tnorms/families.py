"""The families of t-norms and t-conorms: what each does with two values, and how it adds many.

A fuzzy "or" S (t-conorm) and its dual "and" T(a, b) = 1 - S(1 - a, 1 - b) (t-norm) are one family.
Everything here works on pairs (b, bbar) with b + bbar = 1, because near 0 only b is accurate and
near 1 only bbar: a family's `join` takes two pairs and returns the pair (S, 1 - S), each without
cancellation. The generator g is additive: S(b_1, ..., b_n) has g(S) = g(b_1) + ... + g(b_n).

    name             S(a, b)                                                  g(b)
    max              max(a, b)                                                none
    probabilistic    a + b - ab                                               -log bbar
    einstein         (a + b)/(1 + ab)                                         atanh b
    hamacher         (a + b + (p - 2) ab)/(1 - (1 - p) ab)          p >= 0    log(1 + p u)/p
    frank            1 - log_p(1 + (p^abar-1)(p^bbar-1)/(p-1))      p > 0     log((p-1)/(p^bbar-1))
    yager            min(1, (a^p + b^p)^(1/p))                      p > 0     b^p
    aczel_alsina     1 - exp(-(l_a^p + l_b^p)^(1/p))                p > 0     l^p
    dombi            1/(1 + (u_a^p + u_b^p)^(-1/p))                 p > 0     u^p
    schweizer_sklar  1 - (abar^p + bbar^p - 1)^(1/p)                p < 0     bbar^p - 1
    hard             1 if a > 1/2 or b > 1/2, else 0                          none

with u = b/bbar and l = -log bbar. `hard` is no t-conorm (0 is not neutral): it is the silhouette of
a renderer without smoothing. Sums of generators would lose b = 1, where g is infinite; the joins
take the larger value out of the sum, which makes b = 1 exact, values and derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from refimpl import autograd as ag
from refimpl.autograd import Array
from refimpl.distributions.law import exp

Pair = tuple[Array, Array]  # (b, 1 - b)
Join = Callable[[Any, Pair, Pair], Pair]


class Rule(NamedTuple):
    """A family with its parameter chosen: functions of an array namespace and pairs."""

    join: Join
    generator: Callable[[Any, Pair], Array] | None = None
    from_generator: Callable[[Any, Array], Pair] | None = None
    largest: bool = False  # S is the largest value


def _ordered(xp: Any, a: Pair, b: Pair) -> tuple[Pair, Pair]:
    """The pair of the larger value, then that of the smaller."""
    first = (a[0] > b[0]) | ((a[0] == b[0]) & (a[1] <= b[1]))
    larger = (xp.where(first, a[0], b[0]), xp.where(first, a[1], b[1]))
    return larger, (xp.where(first, b[0], a[0]), xp.where(first, b[1], a[1]))


def _power(xp: Any, x: Array, p: float) -> Array:
    """x^p for x >= 0, with slope 0 at x = 0 where the slope would be infinite."""
    if p >= 1:
        return x**p
    zero = x == 0
    return xp.where(zero, 0.0, xp.where(zero, 1.0, x) ** p)


def _minus_log(xp: Any, b: Pair) -> Array:
    """l = -log bbar, by b where that is the accurate one; infinite with slope 0 at bbar = 0."""
    low, full = b[0] < 0.5, b[1] <= 0
    near = -xp.log1p(-xp.where(low, b[0], 0.0))
    far = -xp.log(xp.where(low | full, 1.0, b[1]))
    return xp.where(full, math.inf, xp.where(low, near, far))


def _from_log(xp: Any, l: Array) -> Pair:  # noqa: E741
    """The pair with l = -log bbar."""
    return -xp.expm1(-l), xp.exp(-l)


def _from_odds(xp: Any, odds: Array) -> Pair:
    """The pair with b/bbar = odds, infinite ones included."""
    full = odds == math.inf
    finite = xp.where(full, 1.0, odds)
    return xp.where(full, 1.0, finite / (1 + finite)), 1 / (1 + odds)


def _damped(xp: Any, b: Pair, delta: Array) -> Pair:
    """The pair with the complement bbar e^-delta."""
    return b[0] - b[1] * xp.expm1(-delta), b[1] * xp.exp(-delta)


# --- maximum, hard ------------------------------------------------------------------------------


def _max_join(xp: Any, a: Pair, b: Pair) -> Pair:
    return xp.maximum(a[0], b[0]), xp.minimum(a[1], b[1])


def _hard_join(xp: Any, a: Pair, b: Pair) -> Pair:
    """Values exactly 1/2 count as 0."""
    either = (a[0] > a[1]) | (b[0] > b[1])
    zero = 0 * (a[0] + b[0])
    return xp.where(either, 1 + zero, zero), xp.where(either, zero, 1 + zero)


# --- rational families --------------------------------------------------------------------------


def hamacher(p: float) -> Rule:
    """S : 1 - S = (a bbar + b abar + p ab) : abar bbar, all terms >= 0; p = 1 is probabilistic,
    p = 2 einstein."""

    def join(xp: Any, a: Pair, b: Pair) -> Pair:
        yes = a[0] * b[1] + b[0] * a[1] + p * (a[0] * b[0])
        no = a[1] * b[1]
        if p == 1:
            return yes, no  # they add up to 1
        both_full = yes + no <= 0  # p = 0, a = b = 1
        total = xp.where(both_full, 1.0, yes + no)
        return xp.where(both_full, 1.0, yes / total), no / total

    def generator(xp: Any, b: Pair) -> Array:
        if p == 1:
            return _minus_log(xp, b)
        full = b[1] <= 0
        odds = b[0] / xp.where(full, 1.0, b[1])
        return xp.where(full, math.inf, odds if p == 0 else xp.log1p(p * odds) / p)

    def from_generator(xp: Any, total: Array) -> Pair:
        if p == 0:
            return _from_odds(xp, total)
        yes, no = -xp.expm1(-p * total), p * xp.exp(-p * total)
        return yes / (yes + no), no / (yes + no)

    return Rule(join, generator, from_generator)


# --- Frank --------------------------------------------------------------------------------------


def frank(p: float) -> Rule:
    """With k = log p: c = (1 - e^(-k b))/(1 - e^-k) and q = 1 - c; the q of many are multiplied."""
    k = math.log(p)

    def split(xp: Any, b: Pair) -> Pair:
        return xp.expm1(-k * b[0]) / math.expm1(-k), xp.expm1(k * b[1]) / math.expm1(k)

    def inverse(xp: Any, part: Array, rest: Array, k: float) -> Array:
        """log(1 + (e^k - 1) part)/k for part + rest = 1, where e^k may be tiny."""
        change = math.expm1(k) * part
        small = change > -0.5
        near = xp.log1p(xp.where(small, change, 0.0))
        far = xp.log(xp.where(small, 1.0, rest + math.exp(k) * part))
        return xp.where(small, near, far) / k

    def both(xp: Any, c: Array, q: Array) -> Pair:
        yes, no = inverse(xp, c, q, -k), inverse(xp, q, c, k)
        return xp.where(no < 0.5, 1 - no, yes), no  # exactly 1 where q = 0

    def join(xp: Any, a: Pair, b: Pair) -> Pair:
        larger, smaller = _ordered(xp, a, b)
        (c_1, q_1), (c_2, q_2) = split(xp, larger), split(xp, smaller)
        return both(xp, c_1 + c_2 * q_1, q_1 * q_2)

    def generator(xp: Any, b: Pair) -> Array:
        return _minus_log(xp, split(xp, b))

    def from_generator(xp: Any, total: Array) -> Pair:
        return both(xp, -xp.expm1(-total), xp.exp(-total))

    return Rule(join, generator, from_generator)


# --- p-norms of b, of u = b/bbar, of l = -log bbar ----------------------------------------------


def _stretch(xp: Any, ratio: Array, p: float) -> Array:
    """Log of the p-norm of (1, r), at most 80: with p near 0 its exponential overflows."""
    return ag.clip(xp.log1p(_power(xp, ratio, p)) / p, max=80.0)


def yager(p: float) -> Rule:
    """The p-norm of b, limited to 1, where the slope is 0."""

    def limited(xp: Any, norm: Array) -> Pair:
        norm = xp.where(norm >= 1, 1.0, norm)
        return norm, 1 - norm

    def join(xp: Any, a: Pair, b: Pair) -> Pair:
        (larger, _), (smaller, _) = _ordered(xp, a, b)
        none = larger == 0
        ratio = smaller / xp.where(none, 1.0, larger)
        norm = larger * xp.exp(_stretch(xp, ratio, p))
        return limited(xp, xp.where(none, a[0] + b[0], norm))

    def generator(xp: Any, b: Pair) -> Array:
        return _power(xp, b[0], p)

    def from_generator(xp: Any, total: Array) -> Pair:
        return limited(xp, _power(xp, total, 1 / p))

    return Rule(join, generator, from_generator)


def dombi(p: float) -> Rule:
    """The p-norm of the odds u = b/bbar."""

    def join(xp: Any, a: Pair, b: Pair) -> Pair:
        larger, smaller = _ordered(xp, a, b)
        none, both_full = larger[0] == 0, (larger[1] <= 0) & (smaller[1] <= 0)  # not for NaN
        ratio = smaller[0] / xp.where(none, 1.0, larger[0])
        ratio = ratio * (larger[1] / xp.where(both_full, 1.0, smaller[1]))
        stretch = _stretch(xp, xp.where(both_full, 0.0, ratio), p)
        # of b/bbar the smaller one is multiplied: its steep slopes would cancel in the other's
        low = larger[0] < 0.5
        yes = larger[0] * xp.exp(xp.where(low, stretch, 0.0))
        no = larger[1] * xp.exp(xp.where(low, 0.0, -stretch))
        total = yes + no
        S = xp.where(both_full, 1.0, xp.where(none, a[0] + b[0], yes / total))
        return S, xp.where(both_full, 0.0, xp.where(none, a[1] * b[1], no / total))

    def generator(xp: Any, b: Pair) -> Array:
        """u^p, which overflows to infinity, that is S = 1."""
        none, full = b[0] <= 0, b[1] <= 0
        log_odds = xp.log(xp.where(none, 1.0, b[0])) - xp.log(xp.where(full, 1.0, b[1]))
        return xp.where(full, math.inf, xp.where(none, 0.0, exp(xp, p * log_odds)))

    def from_generator(xp: Any, total: Array) -> Pair:
        return _from_odds(xp, _power(xp, total, 1 / p))

    return Rule(join, generator, from_generator)


def aczel_alsina(p: float) -> Rule:
    """The p-norm of l = -log bbar (p = 1 is probabilistic)."""

    def join(xp: Any, a: Pair, b: Pair) -> Pair:
        larger, smaller = _ordered(xp, a, b)
        l_1, l_2 = _minus_log(xp, larger), _minus_log(xp, smaller)
        none, full = l_1 == 0, larger[1] <= 0
        ratio = xp.where(full, 0.0, l_2 / xp.where(none | full, 1.0, l_1))
        excess = xp.where(full, 0.0, l_1) * xp.expm1(_stretch(xp, ratio, p))
        at_full = xp.where(l_2 > 0 if p < 1 else l_2 == math.inf, math.inf, 0 * smaller[1])
        yes, no = _damped(xp, larger, xp.where(full, at_full, excess))
        return xp.where(none, a[0] + b[0], yes), xp.where(none, a[1] * b[1], no)

    def generator(xp: Any, b: Pair) -> Array:
        return _power(xp, _minus_log(xp, b), p)

    def from_generator(xp: Any, total: Array) -> Pair:
        return _from_log(xp, _power(xp, total, 1 / p))

    return Rule(join, generator, from_generator)


# --- Schweizer and Sklar ------------------------------------------------------------------------


def schweizer_sklar(p: float) -> Rule:
    """With q = -p > 0: (1 - S)^-q = abar^-q + bbar^-q - 1, the smaller survival taken out."""
    q = -p

    def join(xp: Any, a: Pair, b: Pair) -> Pair:
        larger, smaller = _ordered(xp, a, b)
        full, both_full = larger[1] <= 0, smaller[1] <= 0
        l_2 = xp.where(both_full, 0.0, _minus_log(xp, smaller))
        l_1 = xp.where(full, l_2, _minus_log(xp, larger))
        share = xp.exp(-q * (l_1 - l_2)) * -xp.expm1(-q * l_2)
        at_full = xp.where(both_full, math.inf, 0 * smaller[1])
        return _damped(xp, larger, xp.where(full, at_full, xp.log1p(share) / q))

    def generator(xp: Any, b: Pair) -> Array:
        """bbar^-q - 1, which overflows to infinity, that is S = 1."""
        log_power = q * _minus_log(xp, b)
        large = log_power > 1
        small = xp.expm1(xp.where(large, 1.0, log_power))
        return xp.where(large, exp(xp, log_power) - 1, small)

    def from_generator(xp: Any, total: Array) -> Pair:
        return _from_log(xp, xp.log1p(total) / q)

    return Rule(join, generator, from_generator)


MAX = Rule(_max_join, largest=True)
HARD = Rule(_hard_join)
