"""Exact Thompson sampling of the top k among independent Beta arms, most of them never drawn.

The law is that of drawing every arm and sorting. Let t be the k-th best value so far. An arm matters only if its draw X
exceeds t, and for a, b >= 1 the Beta density f is log-concave, so right of its mode it lies below its tangent in
logarithms:

    f(x) <= f(t) exp(-s (x - t)) for x > t,   s = D / (t (1 - t)),   D = (n - 2) t - (a - 1),   n = a + b,

hence P(X > t) <= f(t) / s =: B. With one uniform U: where U > B the arm is out; else x = t + Exp(1) / s is proposed
and accepted with probability f(x) / (f(t) exp(-s (x - t))): accepted, X = x; refused, X <= t. Both together give
exactly P(X > t) and X's law beyond t (thinning; Devroye 1986, ch. II.3, VII.2). For a <= 1 the same is done with
f(x) <= f(t) ((1 - x) / (1 - t))**(b - 1), whose tail is B = f(t) (1 - t) / b.

Before B itself a looser bound, for the same U. Stirling's series without its remainder gives, in both cases,

    B <= exp(-n kl(m, t)) / sqrt(r),   m = a / n,   r = 2 pi G**2 / (n m (1 - m)),   G = b t where a <= 1, else D,

at most 9 % above B where a, b >= 1, without Gamma functions. And kl(m, t) is the integral of (x - m) / (x (1 - x)) over
[m, t], whose 1 / (x (1 - x)) is convex, so by Jensen kl(m, t) >= (t - m)**2 / (2 c (1 - c)) with c = (m + 2 t) / 3. With
log2 bounded from below by reading a float's bits as a fixed-point number, the loop over all arms is straight float32
arithmetic, and is vectorised; its margins cover the rounding, so what it drops is what U > B would drop.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bandi.model.records import Array
from bandi.policies._heap import heapify, sift_down, sort_descending
from bandi.policies._random import beta_draw, draw, one_less_exp, stream, unit

_HALF_LN_2PI = 0.5 * math.log(2.0 * math.pi)
SEEDS = 2
"""Arms drawn first for each slot, of high means: t is high from the start."""
_FIRST_BLOCK = 32
_BLOCK = 256
"""Arms between two looks at t: few at first, while it rises fast."""
_SHORT_LIST = 64
"""Lists up to this long are kept sorted by counting, without a branch; longer ones as a heap."""
_DRAWN = np.float32(1e12)
"""The size of an arm that was a seed."""
_HIGHEST_BAR = 0.999
"""Above it 1 - t is too coarse in float32 for the bounds."""

_F = np.float32
_0, _1, _2 = _F(0.0), _F(1.0), _F(2.0)
_HALF, _TWO_THIRDS, _2PI, _LN2 = _F(0.5), _F(2.0 / 3.0), _F(2.0 * math.pi), _F(math.log(2.0))
_FROM_24_BITS, _FROM_MANTISSA, _BIAS = _F(2.0**-24), _F(2.0**-23), _F(127.0)
_T_MARGIN, _D_MARGIN, _LEAST_G, _Z_MARGIN, _LOG_MARGIN = _F(1.0 - 3e-7), _F(2e-7), _F(1e-3), _F(0.9995), _F(0.002)


class Scratch:
    """What `top_k` works in, for up to `capacity` arms.

    values: float64[2, room] and places: int32[3, room], where the list grows; narrow: float32[2, capacity], every arm's
    size and mean; block: float32[4, block], the bounds of the arms at hand.
    """

    def __init__(self, capacity: int) -> None:
        room = capacity + _BLOCK + _SHORT_LIST
        self.values, self.places = np.empty((2, room)), np.empty((3, room), np.int32)
        self.narrow, self.block = np.empty((2, capacity), np.float32), np.empty((4, _BLOCK), np.float32)


@njit(cache=True, nogil=True)
def _log_gamma(x: float) -> float:
    """ln Gamma(x), x > 0, to about 1e-11: Stirling's series, after a shift for x < 8."""
    shift = 0.0
    if x < 8.0:
        product = 1.0
        while x < 8.0:
            product *= x
            x += 1.0
        shift = math.log(product)
    y = 1.0 / (x * x)
    series = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y / 1680.0))) / x
    return (x - 0.5) * math.log(x) - x + _HALF_LN_2PI + series - shift


@njit(cache=True, nogil=True, error_model="numpy")
def _remainder(x: float) -> float:
    """ln Gamma(x) less Stirling's (x - 1/2) ln x - x + ln(2 pi) / 2, x > 0, to about 1e-11."""
    if x < 8.0:
        return _log_gamma(x) - ((x - 0.5) * math.log(x) - x + _HALF_LN_2PI)
    inverse = 1.0 / x
    y = inverse * inverse
    return (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0)))) * inverse


@njit(cache=True, nogil=True)
def log_density(x: float, a: float, b: float) -> float:
    """ln of the Beta(a, b) density at x."""
    log_beta = _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)
    return (a - 1.0) * math.log(x) + (b - 1.0) * math.log(1.0 - x) - log_beta


@njit(cache=True, nogil=True, error_model="numpy")
def _beyond(a: float, b: float, t: float, log_rest: float, u: float, state: np.uint64) -> float:
    """A draw of X where it exceeds t, else any value <= t; u decides, as the module says. log_rest: ln(1 - t)."""
    if a == 1.0:  # P(X > x) = (1 - x)**b, so u itself gives X; an arm at the default prior is one of these
        log_u = math.log(u)
        return one_less_exp(log_u / b) if log_u <= b * log_rest else -1.0
    n, rest = a + b, 1.0 - t
    distance = b * t if a < 1.0 else (n - 2.0) * t - (a - 1.0)
    if distance <= 0.0 or (b < 1.0 and a > 1.0):
        return beta_draw(a, b, state)[1]
    # ln B = tail + ln(g) / 2: f(t) by Stirling's series with its remainders
    tail = b * math.log(n * rest / b) - a * math.log(a / (n * t)) + _remainder(n) - _remainder(a) - _remainder(b)
    g = a * b / (2.0 * math.pi * n * distance * distance)
    if tail + 0.5 * math.log(g / (u * u)) < 0.0:
        return -1.0
    if g >= 1.0 and tail + 0.5 * math.log(g) >= 0.0:  # B >= 1: it bounds nothing; tail is never positive
        return beta_draw(a, b, state)[1]
    state, w = draw(state)
    if a < 1.0:
        x = 1.0 - rest * math.exp(math.log(w) / b)
        state, w = draw(state)
        return x if math.log(w) <= (a - 1.0) * math.log(x / t) else -1.0
    slope = distance / (t * rest)
    step = -math.log(w) / slope
    if step >= rest:
        return -1.0
    y, z = step / t, step / rest
    state, w = draw(state)
    # ln f falls below its tangent by at most this: y - y**2 / 2 <= ln(1 + y), -z - z**2 / (2 - 2 z) <= ln(1 - z)
    if w <= 1.0 - 0.5 * ((a - 1.0) * y * y + (b - 1.0) * z * z / (1.0 - z)):
        return t + step
    return t + step if math.log(w) <= (a - 1.0) * math.log1p(y) + (b - 1.0) * math.log1p(-z) + slope * step else -1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _narrow(a: Array, b: Array, n: int, size: Array, mean: Array) -> None:
    """size[i] = a + b, negative where a <= 1, 0 for the arms that no bound covers; mean[i] = a / (a + b); float32."""
    for i in range(n):
        total = _F(a[i]) + _F(b[i])
        mean[i] = _F(a[i]) / total
        size[i] = -total if a[i] <= 1.0 else (total if b[i] >= 1.0 else _0)


@njit(cache=True, nogil=True)
def _lane_leaders(mean: Array, n: int, lanes: int, leaders: Array) -> None:
    """leaders[j]: the place of the largest mean among j, j + lanes, j + 2 lanes ... (to 15 bits), a tournament.

    A key holds the mean in its upper half and the row in its lower one, so that the loop is an elementwise maximum.
    """
    leaders[:lanes] = -1
    row = np.int32(0)
    for first in range(0, n, lanes):
        part = mean[first : min(first + lanes, n)]
        for j in range(len(part)):
            leaders[j] = max(leaders[j], (np.int32(part[j] * _F(32767.0)) << np.int32(16)) | row)
        row += np.int32(1)
    for j in range(lanes):
        leaders[j] = (leaders[j] & np.int32(0xFFFF)) * lanes + j


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _prefilter(size: Array, mean: Array, first: int, t: float, seed: np.uint64, block: Array, keep: Array) -> None:
    """keep[i] = 0 where arm first + i is surely below t. size, mean: float32[m], those arms alone, m <= block."""
    m = len(size)
    u, r, z = block[0, :m], block[1, :m], block[2, :m]
    u_bits, r_bits = u.view(np.int32), r.view(np.int32)
    low_t = _F(t) * _T_MARGIN
    for i in range(m):
        u[i] = _F(np.int32(stream(seed, first + i) >> np.uint64(40))) * _FROM_24_BITS
    for i in range(m):
        n, centre = abs(size[i]), mean[i]
        d = low_t - centre - _D_MARGIN
        g = n * (_1 - centre) * low_t if size[i] < _0 else n * d + (_1 - _2 * low_t)
        c = centre + d * _TWO_THIRDS
        p, q = c * (_1 - c), n * centre * (_1 - centre)
        inverse = _1 / (p * q)
        r[i] = _2PI * g * g * (inverse * p)
        z[i] = _HALF * n * d * d * (inverse * q) if (d > _0) & (g > _LEAST_G * n * d) else _0
    for i in range(m):
        log2_u = _F(u_bits[i]) * _FROM_MANTISSA - _BIAS
        log2_r = _F(r_bits[i]) * _FROM_MANTISSA - _BIAS
        above = z[i] * _Z_MARGIN + _LN2 * (_HALF * log2_r + log2_u)
        keep[i] = np.uint8(1) - np.uint8((z[i] > _0) & (above > _LOG_MARGIN))


@njit(cache=True, nogil=True)
def _draw_leaders(
    a: Array, b: Array, seed: np.uint64, leaders: Array, size: Array, mean: Array, values: Array, places: Array
) -> None:
    """Draw the arms in `leaders`, and mark them as drawn."""
    for j in range(len(leaders)):
        arm = leaders[j]
        values[j], places[j] = beta_draw(a[arm], b[arm], stream(seed, arm))[1], arm
        size[arm], mean[arm] = _DRAWN, _F(1e-9)


@njit(cache=True, nogil=True)
def _draw_kept(
    a: Array, b: Array, size: Array, first: int, keep: Array, t: float, seed: np.uint64,
    values: Array, places: Array, kept: Array,
) -> int:  # fmt: skip
    """Write the draws beyond t of the arms first + i with keep[i] = 1; how many they are. Appends without a branch."""
    count = 0
    for i in range(len(keep)):
        kept[count] = first + i
        count += keep[i]
    beyond = 0
    log_rest = math.log1p(-t) if 0.0 < t < 1.0 else 0.0
    for j in range(count):
        arm = kept[j]
        if size[arm] == _DRAWN:
            continue
        state = stream(seed, arm)
        x = (
            _beyond(a[arm], b[arm], t, log_rest, unit(state), state)
            if log_rest < 0.0
            else beta_draw(a[arm], b[arm], state)[1]
        )
        values[beyond], places[beyond] = x, arm
        beyond += int(x > t)
    return beyond


@njit(cache=True, nogil=True)
def _keep_best(values: Array, places: Array, k: int, m: int, new: bool) -> float:
    """Make the k best of the first m the first k of row 0, and give the least of them. new: no order yet.

    Row 1 of both is scratch. Short lists are sorted by how many exceed each; of a long one the first k are a heap.
    """
    if k > _SHORT_LIST:
        if new:
            heapify(values[0], places[0], k)
        for j in range(k, m):
            if values[0, j] > values[0, 0]:
                values[0, 0], places[0, 0] = values[0, j], places[0, j]
                sift_down(values[0], places[0], k, 0)
        return float(values[0, 0])
    if m > k or new:
        _sort_short(values[0, :m], places[0, :m], values[1, :m], places[1, :m])
        values[0, :k], places[0, :k] = values[1, :k], places[1, :k]
    return float(values[0, k - 1])


@njit(cache=True, nogil=True)
def _sort_short(values: Array, places: Array, to_values: Array, to_places: Array) -> None:
    """Sort descending by counting for each value how many exceed it."""
    m = len(values)
    total = 0
    for i in range(m):
        value = values[i]
        rank = 0
        for j in range(m):
            rank += int(values[j] > value)
        to_values[rank], to_places[rank] = value, places[i]
        total += rank
    if total == m * (m - 1) // 2:
        return
    for i in range(m):  # equal values share a rank: an extreme shape has rounded draws to an end
        rank = 0
        for j in range(m):
            rank += int(values[j] > values[i] or (values[j] == values[i] and j < i))
        to_values[rank], to_places[rank] = values[i], places[i]


@njit(cache=True, nogil=True)
def top_k(
    a: Array, b: Array, n: int, k: int, seed: np.uint64, values: Array, places: Array, narrow: Array, block: Array
) -> None:
    """The k largest of n independent draws X_i ~ Beta(a[i], b[i]), largest first, in values[0, :k] and places[0, :k].

    a, b: float64[n]; 1 <= k <= n. The other arrays are those of a `Scratch` for n arms.
    """
    size, mean, leaders = narrow[0], narrow[1], places[2]
    _narrow(a, b, n, size, mean)
    lanes = min(n, max(SEEDS * k, 8, (n >> 15) + 1))
    _lane_leaders(mean, n, lanes, leaders)
    _draw_leaders(a, b, seed, leaders[:lanes], size, mean, values[0], places[0])
    t = _keep_best(values, places, k, lanes, True)
    keep = block[3].view(np.uint8)
    m, spare = k, min(k // 4, _SHORT_LIST)
    first, length = 0, _FIRST_BLOCK
    while first < n:
        stop = min(first + length, n)
        if 0.0 < t < _HIGHEST_BAR:
            _prefilter(size[first:stop], mean[first:stop], first, t, seed, block, keep)
        else:  # an extreme shape: nothing is skipped
            keep[: stop - first] = 1
        more = _draw_kept(a, b, size, first, keep[: stop - first], t, seed, values[0, m:], places[0, m:], leaders)
        m += more
        if m > k + spare or stop == n:
            t = _keep_best(values, places, k, m, False)
            m = k
        first, length = stop, min(2 * length, _BLOCK)
    if k > _SHORT_LIST:
        sort_descending(values[0], places[0], k)
