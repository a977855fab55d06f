"""Titles that the same readers took: cosines of their readers, and sums of them over what a reader took."""

from __future__ import annotations

import numpy as np
from numba import njit

from bandi.model.records import Array


@njit(cache=True, nogil=True)
def nearest_titles(
    user_starts: Array, user_titles: Array, title_starts: Array, title_users: Array, found: Array, cosines: Array
) -> None:
    """The titles whose readers have the highest cosines with each title's, itself left out: found int32[m, n], cosines float32[m, n].

    user_starts, title_starts: int64[rows + 1]; user_titles, title_users: int32[entries]. Places that nothing fills hold -1.
    O(sum over readers of titles**2 + m n).
    """
    titles, most = found.shape
    shared = np.zeros(titles, np.float32)
    touched = np.empty(titles, np.int32)
    for title in range(titles):
        count = 0
        readers = title_starts[title + 1] - title_starts[title]
        for place in range(title_starts[title], title_starts[title + 1]):
            user = title_users[place]
            for other_place in range(user_starts[user], user_starts[user + 1]):
                other = user_titles[other_place]
                if other != title:
                    if shared[other] == 0.0:
                        touched[count] = other
                        count += 1
                    shared[other] += np.float32(1.0)
        held = 0
        for i in range(count):
            other = touched[i]
            others = title_starts[other + 1] - title_starts[other]
            cosine = np.float32(shared[other] / np.sqrt(np.float64(readers) * others))
            shared[other] = 0.0
            if held == most and cosine <= cosines[title, most - 1]:
                continue
            place = held if held < most else most - 1
            while place > 0 and cosines[title, place - 1] < cosine:
                cosines[title, place] = cosines[title, place - 1]
                found[title, place] = found[title, place - 1]
                place -= 1
            cosines[title, place] = cosine
            found[title, place] = other
            held = min(held + 1, most)
        for place in range(held, most):
            found[title, place] = -1
            cosines[title, place] = 0.0


@njit(cache=True, nogil=True)
def neighbour_scores(
    readers: Array, starts: Array, columns: Array, found: Array, cosines: Array, scores: Array
) -> None:
    """scores[i, t] = sum of the cosines of title t's neighbours that reader readers[i] took: float32[n, m]. O(n m neighbours)."""
    titles, most = found.shape
    took = np.zeros(titles, np.bool_)
    for i in range(len(readers)):
        first, stop = starts[readers[i]], starts[readers[i] + 1]
        for place in range(first, stop):
            took[columns[place]] = True
        for title in range(titles):
            total = np.float32(0.0)
            for place in range(most):
                other = found[title, place]
                if other < 0:
                    break
                if took[other]:
                    total += cosines[title, place]
            scores[i, title] = total
        for place in range(first, stop):
            took[columns[place]] = False
