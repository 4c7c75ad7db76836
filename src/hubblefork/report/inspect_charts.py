"""The chart of how bright the images of a source are."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hubblefork.data.inspection import Inspection
from hubblefork.report.style import BLUE, PAPER, is_narrow, named_rows, panel_axes, styled


def brightness(inspection: Inspection, names: tuple[str, ...]) -> Figure:
    """The distribution of the mean brightness of the images of each class."""
    table = inspection.light
    present = [code for code in range(len(names)) if np.any(inspection.codes == code)]
    sets = [table[inspection.codes == code] for code in present] or [table]
    height = 0.38 if len(sets) <= 25 or is_narrow() else 0.24
    with styled(names) as labels:
        figure, (axes,) = panel_axes(1, 6.4, height * len(sets) + 1.0)
        for place, found in enumerate(sets):
            _spread(axes, place, found["brightness"].to_numpy())
        named_rows(axes, [labels[names[code]] for code in present] or ["all images"])
        axes.set_xlim(left=0)
        axes.set_xlabel("Mean brightness (black 0, white 255)")
        return figure


def _spread(axes: Axes, place: int, values: np.ndarray) -> None:
    """Mark the 5th to 95th percentile, the quartiles and the median."""
    low, quarter, half, three, high = np.percentile(values, [5, 25, 50, 75, 95])
    axes.plot([low, high], [place, place], color=BLUE, linewidth=1.2, solid_capstyle="butt")
    axes.plot([quarter, three], [place, place], color=BLUE, linewidth=7, solid_capstyle="butt")
    axes.plot(half, place, "|", color=PAPER, markersize=8, markeredgewidth=1.8)
