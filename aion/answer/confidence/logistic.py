"""A logistic model: features to a probability. Says nothing of where its numbers come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import exp

from aion.errors import AionError

_MOST = 30.0  # of the exponent; e^-30 is as good as 0


@dataclass(frozen=True, slots=True)
class Logistic:
    """`p = 1 / (1 + exp(-(bias + sum(weights[i] * (x[i] - means[i]) / scales[i]))))`, x being the features
    called `names`. All four have the same length; scales are above 0. Immutable; safe for threads."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def probability(self, features: Mapping[str, float]) -> float:
        """In [0, 1]. No value counts as more than four scales from the mean: nothing was learnt there."""
        total = self.bias
        parts = zip(self.names, self.means, self.scales, self.weights, strict=True)
        for name, mean, scale, weight in parts:
            total += weight * min(4.0, max(-4.0, (features[name] - mean) / scale))
        return 1 / (1 + exp(-min(_MOST, max(-_MOST, total))))

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, object]) -> Logistic:
        """Raises AionError when it is not what `to_json` made."""
        try:
            names = tuple(str(name) for name in _listed(found["names"]))
            columns = [
                tuple(float(str(x)) for x in _listed(found[key])) for key in ("means", "scales", "weights")
            ]
            means, scales, weights = columns
            bias = float(str(found["bias"]))
        except (KeyError, TypeError, ValueError) as error:
            raise AionError(f"A calibration cannot be read ({error}); run aion calibrate again.") from error
        if not len(names) == len(means) == len(scales) == len(weights) or any(s <= 0 for s in scales):
            raise AionError("A calibration does not fit together; run aion calibrate again.")
        return cls(names, means, scales, weights, bias)


def _listed(value: object) -> list[object]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{value!r} is no list")
    return list(value)
