"""The chart of how bright the images of a source are."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hubblefork.data.inspection import Inspection
from hubblefork.report.style import (
    BLUE,
    PAPER,
    SMALL,
    WEDGES,
    is_narrow,
    named_rows,
    panel_axes,
    styled,
)

_RGB = (("red", "#d55e00", "o"), ("green", "#009e73", "s"), ("blue", "#0072b2", "D"))


def brightness(inspection: Inspection, names: tuple[str, ...]) -> Figure:
    """The brightness of the images of each class, and the mean of each of their channels."""
    table = inspection.light
    sets = [table[inspection.codes == code] for code in range(len(names))] if names else [table]
    height = 0.38 if len(sets) <= 25 or is_narrow() else 0.24
    with styled(names) as labels:
        figure, (means, channels) = panel_axes(2, 9.6, height * len(sets) + 1.3, sharey=True)
        for place, found in enumerate(sets):
            if len(found):
                _spread(means, place, found["brightness"].to_numpy())
        number = inspection.dataset.images.shape[3]
        numbered = tuple((f"channel {n}", WEDGES[n % 7], "o") for n in range(number))
        kinds = _RGB if number == 3 else numbered
        for channel, (name, colour, marker) in enumerate(kinds):
            values = [found[str(channel)].mean() if len(found) else np.nan for found in sets]
            channels.plot(values, range(len(sets)), marker, color=colour, markersize=5, label=name)
        means.set_title("Mean brightness of an image")
        channels.set_title("Mean of each channel" if number > 1 else "Mean")
        if number > 1:
            channels.legend(loc="best", fontsize=SMALL, handletextpad=0.2)
        for axes in (means, channels):
            named_rows(axes, [labels[name] for name in names] or ["all images"])
            axes.set_xlim(left=0)
            axes.set_xlabel("from black, 0, to white, 255", fontsize=SMALL)
        return figure


def _spread(axes: Axes, place: int, values: np.ndarray) -> None:
    """Mark the 5th to 95th percentile, the quartiles and the median."""
    low, quarter, half, three, high = np.percentile(values, [5, 25, 50, 75, 95])
    axes.plot([low, high], [place, place], color=BLUE, linewidth=1.2, solid_capstyle="butt")
    axes.plot([quarter, three], [place, place], color=BLUE, linewidth=7, solid_capstyle="butt")
    axes.plot(half, place, "|", color=PAPER, markersize=8, markeredgewidth=1.8)
