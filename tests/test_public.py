"""The public names: few, all there, and cheap to import."""

import subprocess
import sys
from importlib.metadata import version

import hubblefork


def test_there_are_few_public_names_and_each_is_documented():
    assert len(hubblefork.__all__) <= 18
    for name in hubblefork.__all__:
        assert getattr(hubblefork, name).__doc__
        assert f"`{name}`" in hubblefork.__doc__
    assert {*hubblefork.__all__, "__version__"} == set(dir(hubblefork))


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, hubblefork; print({'torch', 'pandas', 'numpy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "set()"


def test_the_version_is_that_of_the_installed_package():
    assert hubblefork.__version__ == version("hubblefork")
    words = [sys.executable, "-m", "hubblefork", "--version"]
    result = subprocess.run(words, capture_output=True, text=True, check=True)
    assert result.stdout == f"hubblefork {hubblefork.__version__}\n"
