"""The half step of alternating least squares: rows solved by preconditioned conjugate gradients."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array

_F = np.float32
_NOTHING_LEFT = _F(1e-20)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def solve_rows(
    starts: Array, columns: Array, weights: Array, alpha: float, fixed: Array, spectrum: Array, penalties: Array,
    solved: Array, first: int, stop: int, steps: int, tile: Array,
) -> None:  # fmt: skip
    """Improve solved[first:stop] by `steps` steps of conjugate gradients each.

    Row u minimises sum over its entries of c (1 - x.y)**2 + sum over all others of (x.y)**2 + penalties[u] |x|**2 with
    c = 1 + alpha * weight: (diag(spectrum) + sum (c - 1) y y' + penalties[u]) x = sum c y. The basis is that in which
    the Gram matrix of `fixed` is diag(spectrum), so that its product costs f, not f**2, and the diagonal of the whole
    is a good preconditioner (Jacobi). Rows without entries become 0.

    fixed: float32[m, f]; spectrum: float32[f]; solved: float32[n, f]; tile: float32[longest row, f], scratch.
    """
    f = fixed.shape[1]
    x, r, p, z = np.empty(f, _F), np.empty(f, _F), np.empty(f, _F), np.empty(f, _F)
    product, diagonal, base = np.empty(f, _F), np.empty(f, _F), np.empty(f, _F)
    scale = _F(alpha)
    for row in range(first, stop):
        entries = columns[starts[row] : starts[row + 1]]
        amounts = weights[starts[row] : starts[row + 1]]
        if len(entries) == 0:
            solved[row, :] = _F(0.0)
            continue
        target = solved[row]
        for k in range(f):
            x[k] = target[k]
            base[k] = spectrum[k] + penalties[row]
            diagonal[k] = base[k]
            r[k] = -base[k] * x[k]
        _gather_residual(entries, amounts, scale, fixed, x, r, diagonal, tile)
        rz = _F(0.0)
        for k in range(f):
            diagonal[k] = _F(1.0) / diagonal[k]
            p[k] = diagonal[k] * r[k]
            rz += r[k] * p[k]
        for _ in range(steps):
            if rz < _NOTHING_LEFT:
                break
            _times(amounts, scale, base, p, tile, product)
            bend = _F(0.0)
            for k in range(f):
                bend += p[k] * product[k]
            step = rz / bend
            after = _F(0.0)
            for k in range(f):
                x[k] += step * p[k]
                r[k] -= step * product[k]
                z[k] = diagonal[k] * r[k]
                after += r[k] * z[k]
            turn = after / rz
            rz = after
            for k in range(f):
                p[k] = z[k] + turn * p[k]
        for k in range(f):
            target[k] = x[k]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def _gather_residual(
    entries: Array, amounts: Array, scale: np.float32, fixed: Array, x: Array, r: Array, diagonal: Array, tile: Array
) -> None:
    """Copy the entries' vectors into the tile; add their part to the residual and to the diagonal. Four at a time."""
    f = len(x)
    n = len(entries)
    fours = n - n % 4
    for j in range(0, fours, 4):
        y0, y1, y2, y3 = fixed[entries[j]], fixed[entries[j + 1]], fixed[entries[j + 2]], fixed[entries[j + 3]]
        t0, t1, t2, t3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
        d0, d1, d2, d3 = _F(0.0), _F(0.0), _F(0.0), _F(0.0)
        for k in range(f):
            q = x[k]
            a0, a1, a2, a3 = y0[k], y1[k], y2[k], y3[k]
            t0[k], t1[k], t2[k], t3[k] = a0, a1, a2, a3
            d0 += a0 * q
            d1 += a1 * q
            d2 += a2 * q
            d3 += a3 * q
        w0, w1, w2, w3 = scale * amounts[j], scale * amounts[j + 1], scale * amounts[j + 2], scale * amounts[j + 3]
        d0, d1, d2, d3 = w0 + _F(1.0) - w0 * d0, w1 + _F(1.0) - w1 * d1, w2 + _F(1.0) - w2 * d2, w3 + _F(1.0) - w3 * d3
        for k in range(f):
            r[k] += (d0 * t0[k] + d1 * t1[k]) + (d2 * t2[k] + d3 * t3[k])
            diagonal[k] += (w0 * t0[k] * t0[k] + w1 * t1[k] * t1[k]) + (w2 * t2[k] * t2[k] + w3 * t3[k] * t3[k])
    for j in range(fours, n):
        y, t = fixed[entries[j]], tile[j]
        d = _F(0.0)
        for k in range(f):
            value = y[k]
            t[k] = value
            d += value * x[k]
        w = scale * amounts[j]
        d = w + _F(1.0) - w * d
        for k in range(f):
            r[k] += d * t[k]
            diagonal[k] += w * t[k] * t[k]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def _times(amounts: Array, scale: np.float32, base: Array, p: Array, tile: Array, product: Array) -> None:
    """product = (diag(base) + sum (c - 1) y y') p, over the vectors in the tile, four at a time."""
    f = len(p)
    n = len(amounts)
    fours = n - n % 4
    for k in range(f):
        product[k] = base[k] * p[k]
    for j in range(0, fours, 4):
        t0, t1, t2, t3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
        d0, d1, d2, d3 = _F(0.0), _F(0.0), _F(0.0), _F(0.0)
        for k in range(f):
            q = p[k]
            d0 += t0[k] * q
            d1 += t1[k] * q
            d2 += t2[k] * q
            d3 += t3[k] * q
        d0 *= scale * amounts[j]
        d1 *= scale * amounts[j + 1]
        d2 *= scale * amounts[j + 2]
        d3 *= scale * amounts[j + 3]
        for k in range(f):
            product[k] += (d0 * t0[k] + d1 * t1[k]) + (d2 * t2[k] + d3 * t3[k])
    for j in range(fours, n):
        t = tile[j]
        d = _F(0.0)
        for k in range(f):
            d += t[k] * p[k]
        d *= scale * amounts[j]
        for k in range(f):
            product[k] += d * t[k]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy")
def observed_loss(
    starts: Array, columns: Array, weights: Array, alpha: float, users: Array, items: Array, first: int, stop: int
) -> float:
    """Sum over the entries of rows first to before stop of c (1 - s)**2 - s**2, s = x.y: what the whole square lacks."""
    total = 0.0
    for row in range(first, stop):
        x = users[row]
        for j in range(starts[row], starts[row + 1]):
            y = items[columns[j]]
            s = _F(0.0)
            for k in range(len(x)):
                s += x[k] * y[k]
            c = 1.0 + alpha * weights[j]
            total += c * (1.0 - s) * (1.0 - s) - s * s
    return total
