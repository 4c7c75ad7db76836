"""The learning rate as a function of the fraction of the training that is done.

A fraction, and not the number of the step, since the number of epochs may change on the way: see
`KeepMinutes` in keep_minutes.py. The rate then goes on from where it is, faster or slower.
"""

import math
from dataclasses import dataclass

from hubblefork.recipes.settings import ScheduleTable

# As torch's OneCycleLR: the first rate, and the last, as fractions of the highest.
_FIRST, _LAST = 1 / 25, 1 / 250_000


@dataclass(frozen=True)
class Pace:
    """Which fraction of a training is done at each of its steps.

    steps: of an epoch. epochs: of the training, as decided after epoch `since`, when `fraction` of
    the training was done.

    >>> pace = Pace(steps=10, epochs=4)
    >>> pace.after(20), pace.changed(2, epochs=3).after(20), pace.changed(2, epochs=3).after(25)
    (0.5, 0.5, 0.75)
    """

    steps: int
    epochs: int
    since: int = 0
    fraction: float = 0.0

    def after(self, steps: float) -> float:
        """The fraction that is done after so many steps."""
        left = (self.epochs - self.since) * self.steps
        done = min(1.0, (steps - self.since * self.steps) / left)
        return self.fraction + (1 - self.fraction) * done

    def changed(self, done: int, epochs: int) -> "Pace":
        """The same after `done` epochs, with another number of epochs from now on."""
        if epochs == self.epochs:
            return self
        return Pace(self.steps, epochs, done, self.after(done * self.steps))


def rate_factor(schedule: ScheduleTable, fraction: float) -> float:
    """The learning rate at a fraction of the training, relative to the recipe's.

    `one-cycle` (Smith 2018) rises and falls along half a cosine each, `steps` is cut.

    >>> one_cycle = ScheduleTable(name="one-cycle", warm_up=0.2)
    >>> [round(rate_factor(one_cycle, fraction), 6) for fraction in (0.0, 0.2, 0.6, 1.0)]
    [0.04, 1.0, 0.500002, 4e-06]
    >>> rate_factor(ScheduleTable(name="steps", cuts=[0.5, 0.75], factor=0.1), 0.6)
    0.1
    """
    match schedule.name:
        case "one-cycle":
            up = schedule.warm_up
            if fraction < up:
                return _between(_FIRST, 1.0, fraction / up)
            return _between(1.0, _LAST, (fraction - up) / (1 - up))
        case "steps":
            return schedule.factor ** sum(fraction >= cut for cut in schedule.cuts)
        case _:  # constant, or cut at each plateau
            return 1.0


def _between(first: float, last: float, fraction: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * fraction)) / 2
