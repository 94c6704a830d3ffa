"""Classic algorithms as ordinary functions, relaxed by the decorator.

Each is written as in a textbook; `name.discrete` is the function as it stands, `name(...)` its
relaxation, `name.with_options(beta=...)` the same at another inverse temperature. Whole numbers are
compared with margin 1/2, where the limit is exact.

Source: the relaxation of Petersen et al., "Learning with Algorithmic Supervision via Continuous
Relaxations", NeurIPS 2021.
"""

from __future__ import annotations

from ..decorator import relaxed


@relaxed(beta=20.0)
def bubble_sort(x):
    """(x in ascending order, the number of swaps)"""
    n = len(x) - 1
    swapped = True
    swaps = 0
    while swapped:
        swapped = False
        for i in range(n):
            if x[i] > x[i + 1]:
                x[i], x[i + 1] = x[i + 1], x[i]
                swapped = True
                swaps += 1
        n -= 1
    return x, swaps


@relaxed(beta=20.0)
def insertion_sort(x):
    """x in ascending order"""
    for i in range(1, len(x)):
        j = i
        while j > 0 and x[j] < x[j - 1]:
            x[j - 1], x[j] = x[j], x[j - 1]
            j -= 1
    return x


@relaxed(beta=20.0)
def running_maximum(x):
    """(the largest element, its position)"""
    best, place = x[0], 0
    for i in range(1, len(x)):
        if x[i] > best:
            best, place = x[i], i
    return best, place


@relaxed(beta=20.0)
def count_above(x, limit):
    """how many elements are larger than the limit"""
    count = 0
    for element in x:
        if element > limit:
            count += 1
    return count


@relaxed(beta=20.0)
def linear_search(x, key):
    """the first position of the key, or len(x)"""
    place = 0
    for i in range(len(x)):
        if x[i] == key:
            break
        place = i + 1
    return place


@relaxed(beta=20.0)
def median_of_three(a, b, c):
    """the middle one of three numbers"""
    if a > b:
        a, b = b, a
    if b > c:
        b, c = c, b
    if a > b:
        a, b = b, a
    return b


@relaxed(beta=20.0, margin=0.5)
def product(a, b):
    """a b by repeated addition, for a whole number a"""
    total, count = 0, 0
    while count < a:
        total = total + b
        count += 1
    return total


@relaxed(beta=20.0, margin=0.5)
def greatest_common_divisor(a, b):
    """the gcd of whole numbers by subtraction"""
    while a > b or a < b:
        if a > b:
            a = a - b
        else:
            b = b - a
    return a


@relaxed(beta=20.0)
def halvings(x):
    """how often x can be halved until it is at most 3/2"""
    count = 0
    while x > 1.5:
        x = x / 2
        count += 1
    return count


@relaxed(beta=1000.0)
def square_root(v, tolerance):
    """the square root by Newton's iteration"""
    x = v
    while abs(x * x - v) > tolerance:
        x = (x + v / x) / 2
    return x


@relaxed(beta=20.0, beta_min=20.0)
def edit_cost(s, t):
    """the cheapest way to turn one series into the other: moves cost their length, gaps 1"""
    previous = [float(j) for j in range(len(t) + 1)]
    for i in range(len(s)):
        current = [i + 1.0]
        for j in range(len(t)):
            change = previous[j] + abs(s[i] - t[j])
            current.append(min(previous[j + 1] + 1, current[j] + 1, change))
        previous = current
    return previous[len(t)]


@relaxed(beta=20.0)
def escape_time(cr, ci, rounds):
    """after how many rounds z^2 + c leaves the disc of radius 2"""
    x, y, count = 0.0, 0.0, 0
    for _ in range(rounds):
        if x * x + y * y > 4:
            break
        x, y = x * x - y * y + cr, 2 * x * y + ci
        count += 1
    return count


@relaxed(beta=20.0)
def inside_polygon(px, py, xs, ys):
    """whether a point is inside a polygon, by the parity of crossings"""
    inside = False
    j = len(xs) - 1
    for i in range(len(xs)):
        at = (xs[j] - xs[i]) * (py - ys[i]) / (ys[j] - ys[i]) + xs[i]
        if (ys[i] > py) != (ys[j] > py) and px < at:
            inside = not inside
        j = i
    return inside
