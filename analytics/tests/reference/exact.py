"""Arithmetic without rounding: a double is a whole number of 2^-1074."""

import math
from decimal import Context, Decimal
from fractions import Fraction

UNIT = 2**1074
CONTEXT = Context(prec=60, Emax=10**6, Emin=-(10**6))


def whole(values):
    """The values as whole numbers of 2^-1074."""
    return [int(Fraction(value) * UNIT) for value in values]


def differences(values):
    """n·(x - mean) as whole numbers of 2^-1074."""
    numbers = whole(values)
    total = sum(numbers)
    return [len(numbers) * number - total for number in numbers]


def ratio(numerator, denominator):
    """A quotient of whole numbers with 60 digits."""
    return CONTEXT.divide(Decimal(numerator), Decimal(denominator))


def double(value):
    """The nearest double; infinite beyond the largest."""
    return float(value)


def mean(values):
    return ratio(sum(whole(values)), len(values) * UNIT)


def variance(values):
    """Of n - 1."""
    n = len(values)
    return ratio(sum(d * d for d in differences(values)), n * n * (n - 1) * UNIT * UNIT)


def deviation(values):
    return CONTEXT.sqrt(variance(values))


def quantile(values, p):
    """Type 7 of Hyndman and Fan."""
    ordered = sorted(map(Fraction, values))
    place = Fraction(p) * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def text(value):
    """A number as text: not every JSON reader rounds to the nearest double, and none reads NaN."""
    return None if value is None else repr(float(value))


def agree(ours, theirs, what):
    """The exact value is the library's too, to nine digits."""
    assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12), f"{what}: {ours}, but {theirs}"
