"""A policy plug-in behind a guard: whatever it does wrong, a list is served, by Thompson sampling on arms of its own.

Both learn from all outcomes, so the fallback is no beginner when it is needed, and `bandi arms` shows its counts. What goes
wrong is counted by kind and said on stderr the 1st, 10th, 100th ... time.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from dataclasses import fields, replace
from typing import Any

import numpy as np

from bandi.model.policy_config import Plugin
from bandi.model.records import Array
from bandi.policies.bernoulli import BernoulliPolicy
from bandi.policies.plugins import PluginPolicy, find_policy
from bandi.policies.protocol import Candidates, Outcomes, Policy, Posterior, Ranked, Request, State

MAX_STATE_BYTES = 1 << 28
"""A plug-in's state takes at most so much in a snapshot."""
MAX_STATE_ARRAYS = 1_000
_OWNER = "plugin"
"""In a state: whose the arrays under `plugin/` are, its name as bytes; absent: nobody's."""


class GuardedPolicy:
    """A plug-in and its fallback. missing: why there is no plug-in, or nothing; failures: how often what went wrong, by kind.

    name: of the plug-in.
    """

    def __init__(self, config: Plugin, segments: int, fallback: BernoulliPolicy) -> None:
        self._config, self._segments = config, segments
        self._fallback = fallback
        self.name = config.name
        self._latest: dict[str, str] = {}
        self._calling = threading.Lock()  # the writer's thread updates while a request's ranks
        self.failures: Counter[str] = Counter()
        self.missing = ""
        self._plugin: PluginPolicy | None = self._made()

    def _made(self) -> PluginPolicy | None:
        try:
            return self._fresh()
        except Exception as error:
            self.missing = f"policy plug-in {self._config.name}: {_said(error)}; thompson serves instead"
            self._report("not made", error)
            return None

    def _fresh(self) -> PluginPolicy:
        policy = find_policy(self._config.name)(dict(self._config.settings), self._segments)
        lacking = [name for name in ("rank", "update", "dump", "load") if not callable(getattr(policy, name, None))]
        if lacking:
            raise WrongAnswer(f"its factory gave a {type(policy).__name__} without {', '.join(lacking)}")
        return policy

    def rank(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The plug-in's list where it is sound, else the fallback's. Checking is O(k log candidates)."""
        k = min(k, len(candidates.items))
        if self._plugin is not None and k > 0:
            try:
                with self._calling:
                    answer = self._plugin.rank(_read_only(request), _read_only(candidates), k, seed)
                return sound_list(answer, candidates, k)
            except Exception as error:
                self._report("wrong list" if isinstance(error, WrongAnswer) else "raised in rank", error)
        return self._fallback.rank(request, candidates, k, seed)

    def greedy(self, request: Request, candidates: Candidates, k: int, seed: int) -> Ranked:
        """The k highest posterior means of the fallback."""
        return self._fallback.greedy(request, candidates, k, seed)

    def means(self, request: Request, candidates: Candidates) -> Array:
        """Posterior means of the fallback: float64[n]."""
        return self._fallback.means(request, candidates)

    def update(self, outcomes: Outcomes) -> None:
        """Both learn; where the plug-in raises, it has had its chance with these rows."""
        if outcomes.steps is None:
            self._fallback.update(outcomes)
        if self._plugin is None:
            return
        own = {field.name: getattr(outcomes, field.name) for field in fields(outcomes)}
        arrays: dict[str, Any] = {name: _view(value) for name, value in own.items() if isinstance(value, np.ndarray)}
        try:
            with self._calling:
                self._plugin.update(replace(outcomes, **arrays))
        except Exception as error:
            self._report("raised in update", error)

    @property
    def failed_in_rank(self) -> str:
        """What went wrong last when it was to rank, or nothing."""
        return self._latest.get("wrong list") or self._latest.get("raised in rank") or ""

    @property
    def failed_to_keep(self) -> str:
        """What went wrong last when it was to learn or to give its state, or nothing."""
        return self._latest.get("raised in update") or self._latest.get("state not kept") or ""

    def posterior(self, items: Array, segment: int, now_ms: int) -> Posterior:
        """The fallback's belief about `items`."""
        return self._fallback.posterior(items, segment, now_ms)

    def most_tried(self, limit: int) -> Array:
        """Up to `limit` items with most trials."""
        return self._fallback.most_tried(limit)

    def merge(self, other: State) -> None:
        """Add another shard's statistics; a plug-in without `merge` goes on with its own alone."""
        self._fallback.merge(other)
        if self._plugin is None or not _owned_by(other, self._config.name):
            return
        try:
            with self._calling:
                self._plugin.merge(_part(other))  # type: ignore[attr-defined]
        except Exception as error:
            self._report("raised in merge", error)

    def dump(self) -> State:
        """The fallback's counts, and the plug-in's arrays under `plugin/`; without them where they are not what they should be."""
        state = self._fallback.dump()
        if self._plugin is None:
            return state
        try:
            with self._calling:
                own = sound_state(self._plugin.dump())
        except Exception as error:
            self._report("state not kept", error)
            return state
        return state | {_OWNER: _bytes(self._config.name)} | {f"{_OWNER}/{name}": own[name] for name in sorted(own)}

    def load(self, state: State) -> None:
        """Replace both by what `dump` gave.

        Raises ValueError where it does not fit: a snapshot is then passed over and the log is folded, which gives the state
        that this plug-in would have.
        """
        self._fallback.load(state)
        if self._plugin is not None:
            if not _owned_by(state, self._config.name):
                raise ValueError(f"no state of policy plug-in {self._config.name}")
            self._load_plugin(state)

    def carry(self, state: State) -> None:
        """Go on with the statistics of another configuration; the plug-in starts anew where it cannot use what there is."""
        self._fallback.load(state)
        if self._plugin is not None and _owned_by(state, self._config.name):
            try:
                self._load_plugin(state)
            except ValueError as error:
                self._report("state not carried over", error)

    def _load_plugin(self, state: State) -> None:
        try:
            fresh = self._fresh()
            fresh.load({name: array.copy() for name, array in _part(state).items()})
        except Exception as error:
            raise ValueError(f"policy plug-in {self._config.name} does not take its state: {_said(error)}") from error
        with self._calling:
            self._plugin = fresh

    def _report(self, kind: str, error: Exception) -> None:
        self.failures[kind] += 1
        self._latest[kind] = f"{kind}: {_said(error)}"
        times = self.failures[kind]
        if times == 10 ** (len(str(times)) - 1):
            print(f"bandi: policy plug-in {self._config.name}: {kind} ({times}): {_said(error)}", file=sys.stderr)


class WrongAnswer(ValueError):  # noqa: N818 - it is what the plug-in gave that is wrong
    """A list, or a state, that is not what the contract says."""


def carry_over(policy: Policy, state: State) -> None:
    """Give a policy the statistics of the one before it in its placement, which counted the same."""
    if isinstance(policy, GuardedPolicy):
        policy.carry(state)
    else:
        policy.load(state)


def sound_list(answer: object, candidates: Candidates, k: int) -> Ranked:
    """A plug-in's list as int32 and float32. Raises WrongAnswer, which says what is wrong with it."""
    if not (isinstance(answer, tuple) and len(answer) == 2 and all(isinstance(part, np.ndarray) for part in answer)):
        raise WrongAnswer(f"expected Ranked(items, scores) of two arrays, found {type(answer).__name__}")
    items, scores = answer
    if items.dtype.kind not in "iu" or scores.dtype.kind not in "iuf":
        raise WrongAnswer(f"expected whole numbers and numbers, found {items.dtype} and {scores.dtype}")
    if items.shape != (k,) or scores.shape != (k,):
        raise WrongAnswer(f"expected {k} items and scores, found shapes {items.shape} and {scores.shape}")
    place = np.searchsorted(candidates.items, items).clip(max=len(candidates.items) - 1)
    if not np.array_equal(candidates.items[place], items):
        raise WrongAnswer(f"expected items of the candidates, found {items[candidates.items[place] != items][0]}")
    if len(np.unique(place)) != k:
        raise WrongAnswer("expected distinct items, found one twice")
    with np.errstate(over="ignore"):
        narrow = scores.astype(np.float32)
    if not np.isfinite(narrow).all():
        raise WrongAnswer(f"expected finite scores, found {scores[~np.isfinite(narrow)][0]}")
    return Ranked(candidates.items[place].astype(np.int32), narrow)


def sound_state(state: object) -> State:
    """Copies of a plug-in's arrays, little-endian. Raises WrongAnswer where they are too many, too large, or not numbers."""
    if not isinstance(state, dict) or len(state) > MAX_STATE_ARRAYS:
        raise WrongAnswer(f"expected at most {MAX_STATE_ARRAYS} arrays by name, found {type(state).__name__}")
    total = 0
    for name, array in state.items():
        if not isinstance(name, str) or not 0 < len(name) <= 100 or not isinstance(array, np.ndarray):
            raise WrongAnswer(
                f"expected arrays by names of 1 to 100 letters, found {name!r:.66}: {type(array).__name__}"
            )
        if array.dtype.kind not in "biuf":
            raise WrongAnswer(f"{name}: expected numbers, found {array.dtype}")
        total += array.nbytes
    if total > MAX_STATE_BYTES:
        raise WrongAnswer(f"expected at most {MAX_STATE_BYTES} bytes, found {total}")
    return {name: np.array(array, array.dtype.newbyteorder("<"), order="C") for name, array in state.items()}


def _read_only(arguments: Any) -> Any:
    """The same named tuple over views that cannot be written."""
    return arguments._replace(
        **{name: _view(value) for name, value in arguments._asdict().items() if isinstance(value, np.ndarray)}
    )


def _view(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def _said(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error!s:.300}".replace("\n", " ")
    except Exception:  # its own text raises
        return type(error).__name__


def _bytes(text: str) -> Array:
    return np.frombuffer(text.encode(), np.uint8).copy()


def _owned_by(state: State, name: str) -> bool:
    return _OWNER in state and state[_OWNER].tobytes() == name.encode()


def _part(state: State) -> State:
    prefix = f"{_OWNER}/"
    return {name[len(prefix) :]: array for name, array in state.items() if name.startswith(prefix)}


_: type[Policy] = GuardedPolicy
