"""The maps of a page are by a method that was measured to see more than chance does."""

import pytest

from hubblefork.explanation.measured_findings import reliable_method
from hubblefork.explanation.test_set import Finding
from hubblefork.report.explain import Section


@pytest.mark.parametrize(
    ("areas", "chosen"),
    [
        ({"occlusion": 0.30, "grad-cam": 0.31}, "grad-cam"),  # both say something: the calm one
        ({"occlusion": 0.30, "grad-cam": 0.55}, "occlusion"),
        ({"occlusion": 0.51, "grad-cam": 0.55}, "grad-cam"),  # none does, and the page says so
        ({"occlusion": 0.30}, "grad-cam"),  # it was not measured
    ],
)
def test_another_method_is_taken_where_the_usual_one_says_nothing(areas, chosen):
    rows = [{"method": name, "area": area, "random_area": 0.5} for name, area in areas.items()]
    maps = Finding(Section("Can the maps be relied on?", ""), figures={"faithfulness": rows})
    assert reliable_method(maps, "grad-cam") == chosen
