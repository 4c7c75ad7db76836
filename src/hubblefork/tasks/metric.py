"""A metric as readers see it: its name, whether lower is better, and how its values are written."""

from dataclasses import dataclass

from hubblefork.core.text import between, percent


@dataclass(frozen=True)
class Metric:
    """One figure of how good answers are.

    name: its key in `metrics.json` and its column in tables. title: for readers.
    percent: whether it is a fraction that is shown in percent. about: of a registered metric, what
    it measures, in one line.

    >>> Metric("accuracy", "Accuracy", percent=True).written(0.9512)
    '95.1\\xa0%'
    >>> Metric("rmse", "RMSE", lower_is_better=True).difference(-0.001)
    '−0.0010'
    """

    name: str
    title: str
    lower_is_better: bool = False
    percent: bool = False
    about: str = ""

    @property
    def noun(self) -> str:
        """The title as it stands within a sentence.

        >>> ACCURACY.noun, RMSE.noun
        ('accuracy', 'RMSE')
        """
        return self.title if self.title.isupper() else self.title[0].lower() + self.title[1:]

    def written(self, value: float | None) -> str:
        """A value as pages and the terminal show it; a dash where there is none."""
        if value is None or self.percent:
            return percent(value)
        return f"{value:.4f}"

    def between(self, interval: tuple[float, float] | list[float]) -> str:
        """An interval of values, with one unit."""
        return between(interval) if self.percent else "{:.4f} to {:.4f}".format(*interval)

    def difference(self, value: float) -> str:
        """A difference of two values; of fractions, in percentage points."""
        shown = f"{100 * value:+.1f}" if self.percent else f"{value:+.4f}"
        return shown.replace("-", "\u2212")


ACCURACY = Metric("accuracy", "Accuracy", percent=True)
RMSE = Metric("rmse", "RMSE", lower_is_better=True)
