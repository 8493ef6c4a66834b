"""Lays the pages of a corpus out as HTML files, for a command that reads no WARC.

    lay_out.py CORPUS OUT

Writes ``OUT/html/<n>.html``, each as old as its crawl (the command takes a file's time for the latest possible date),
and ``OUT/urls.json``, the address by number.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType


def main(corpus: str, out: str) -> None:
    """Run."""
    folder = Path(out) / "html"
    folder.mkdir(parents=True)
    urls: dict[str, str] = {}
    for path in sorted(Path(corpus).glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                name = f"{len(urls):06}"
                page = folder / f"{name}.html"
                page.write_bytes(record.reader.read())
                if record.record_date is not None:
                    os.utime(page, (record.record_date.timestamp(),) * 2)
                urls[name] = record.headers["WARC-Target-URI"]
    (Path(out) / "urls.json").write_text(json.dumps(urls), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
