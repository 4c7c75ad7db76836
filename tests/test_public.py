"""The public names: few, all there, and cheap to import."""

import subprocess
import sys

import hubblefork


def test_there_are_at_most_ten_public_names_and_each_is_documented():
    assert len(hubblefork.__all__) <= 10
    for name in hubblefork.__all__:
        assert getattr(hubblefork, name).__doc__


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, hubblefork; print({'torch', 'pandas', 'numpy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "set()"
