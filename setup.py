"""The packaging, for pip and for Beam's ``--setup_file``."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent

setup(
    name="knipsel",
    version="0.1.0",
    description="News articles in, clean and tagged Parquet out: a streaming ingestion pipeline on Apache Beam",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[
        "pipeline",
        "pipeline.commands",
        "pipeline.report",
        "schemas",
        "transforms",
        "transforms.core",
        "transforms.core.clutter",
        "transforms.fetching",
        "config",
    ],
    package_data={
        "pipeline.report": ["templates/*"],
        "config": [
            "*.toml",
            "schedule/*.in",
            "clutter/*.json",
            "clutter/*/*.toml",
            "tags/*.toml",
            "tags/gazetteer/*",
        ],
    },
    entry_points={"console_scripts": ["knipsel=pipeline.cli:main"]},
    install_requires=[
        "aiohttp>=3.14,<4",
        "apache-beam>=2.77,<3",
        "brotli>=1.2,<2",
        "courlan>=1.4,<2",
        "deltalake>=1.6,<2",
        "duckdb>=2,<3",
        "feedparser>=6.0.12,<7",
        "google-re2>=1.1.20251105",
        "htmldate>=1.11,<2",
        "jinja2>=3.1.6,<4",
        "langdetect>=1.0.9,<2",
        "lxml>=6,<7",
        # justext, which trafilatura asks for, names it by an extra of lxml that older pips do not find
        "lxml_html_clean>=0.4,<0.5",
        "markupsafe>=3",
        "numpy>=2",
        "packaging>=24",
        "protego>=0.7,<1",
        "py3langid>=0.4,<0.5",
        "pyarrow>=23",
        "pydantic>=2.12,<3",
        "rensa>=0.5,<0.6",
        "rich>=14",
        "shtab>=1.13,<2",
        "trafilatura>=2.3,<3",
        "tzdata>=2025.1",
        "warcio>=1.8,<2",
        "zstandard>=0.25",
    ],
    extras_require={
        "test": [
            "hypothesis>=6.150",
            "pandas>=2.3",
            "polars>=1.36",
            "prometheus_client>=0.25",
            "pytest>=9",
            "pytest-xdist>=3.8",
            "python-crontab>=3.3",
            "pyyaml>=6",
        ],
        # only to look at the report in a browser, which needs Chromium besides
        "browser": ["axe-playwright-python>=0.1.8", "playwright>=1.60"],
        # only to build what workers of other engines install
        "engines": ["build>=1.3"],
        # only to fit the numbers of the clutter model anew
        "fit": ["python-crfsuite>=0.9.12"],
        "check": ["mypy>=2", "ruff>=0.17", "types-lxml>=2026.2"],
        # only to build docs/ into a site
        "docs": ["furo>=2025.12", "myst-parser>=5,<6", "sphinx>=9,<10"],
    },
)
