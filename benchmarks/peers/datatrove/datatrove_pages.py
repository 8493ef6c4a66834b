"""datatrove as its examples put it together: WARC in, trafilatura, Parquet out, a task for each worker.

    datatrove_pages.py CORPUS OUT WORKERS

Its own defaults: of trafilatura the text alone, without metadata, with precision favoured; a second for each page.
"""

from __future__ import annotations

import sys

# datatrove asks for an older trafilatura than Knipsel, so no environment holds both.
from datatrove.executor import LocalPipelineExecutor  # type: ignore[import-not-found]
from datatrove.pipeline.extractors import Trafilatura  # type: ignore[import-not-found]
from datatrove.pipeline.readers import WarcReader  # type: ignore[import-not-found]
from datatrove.pipeline.writers import ParquetWriter  # type: ignore[import-not-found]


def main(corpus: str, out: str, workers: str) -> None:
    """Run."""
    LocalPipelineExecutor(
        pipeline=[WarcReader(corpus, glob_pattern="*.warc.gz"), Trafilatura(), ParquetWriter(f"{out}/articles")],
        tasks=int(workers),
        workers=int(workers),
        logging_dir=f"{out}/logs",
    ).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
