"""Fixtures of the checks of a machine: distributions that are made for a test, and a project that requires them."""

import pytest


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution of one module, with the code and the lines of metadata given."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(name, version="1.0", code="", *metadata):
        module = name.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        folder = site / f"{module}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        (folder / "top_level.txt").write_text(f"{module}\n")

    return install


@pytest.fixture
def project(install):
    """Put a project in the place of this one that requires what is given, `EXTRA: REQUIREMENT` for an extra."""

    def project(*required, **extras):
        lines = ["Requires-Python: >=3.11", *(f"Requires-Dist: {one}" for one in required)]
        for extra, packages in extras.items():
            lines.append(f"Provides-Extra: {extra}")
            lines += [f'Requires-Dist: {one}; extra == "{extra}"' for one in packages]
        install("emofuse", "9.9", "", *lines)

    return project
