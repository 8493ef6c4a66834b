"""New articles to what each outlet's lines came to in this run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam

from schemas.article import Article
from transforms.core.clutter.recurring import SAMPLE_ARTICLES, Sample, Seen, Tally, merged, seen, tally
from transforms.core.clutter.strip import restore
from transforms.core.stages import LOCAL


class CountLines(beam.PTransform):
    """Articles that are new to the data set in; ``(source_id, Tally)`` out, one for each outlet.

    The lines are those of the text before stripping. Only their keys are shuffled, and those of no more articles of
    an outlet than a sample holds. Files of which nothing says who published them are no outlet and are not counted.
    """

    def expand(self, articles: beam.PCollection) -> beam.PCollection:
        return articles | "Lines" >> beam.FlatMap(_lines) | "Sample" >> beam.CombinePerKey(SampleFn())


def tallies(articles: Iterable[Article]) -> Iterator[tuple[str, Tally]]:
    """The same for articles that are at hand."""
    fn = SampleFn()
    samples: dict[str, dict[str, Seen]] = {}
    for article in articles:
        for source_id, entry in _lines(article):
            samples[source_id] = fn.add_input(samples.get(source_id, fn.create_accumulator()), entry)
    for source_id, sample in samples.items():
        yield source_id, fn.extract_output(sample)


def _lines(article: Article) -> Iterator[tuple[str, tuple[str, Seen]]]:
    if article.source_id != LOCAL:
        text = restore(article.body, article.removed)
        yield article.source_id, (article.article_id, seen(text, article.headline, version=article.version))


class SampleFn(beam.CombineFn):
    """See ``CountLines``."""

    def create_accumulator(self) -> dict[str, Seen]:
        return {}

    def add_input(self, sample: dict[str, Seen], entry: tuple[str, Seen]) -> dict[str, Seen]:
        article_id, one = entry
        other = sample.get(article_id)
        sample[article_id] = one if other is None else other.union(one)
        return sample if len(sample) < 2 * SAMPLE_ARTICLES else merged([sample])

    def merge_accumulators(self, samples: Iterable[Sample]) -> dict[str, Seen]:
        return merged(samples)

    def extract_output(self, sample: Sample) -> Tally:
        return tally(merged([sample]))
