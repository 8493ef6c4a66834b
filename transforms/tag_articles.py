"""Drafts to drafts with agency, dateline and topics."""

from __future__ import annotations

from functools import partial

from schemas.tagging import AgencyFile, TermFile, TopicFile
from transforms.core.agencies import AgencyReader
from transforms.core.stages import Stage, tag_article
from transforms.core.topics import TopicTagger
from transforms.stage import StageTransform


class TagArticles(StageTransform):
    """Says whose copy each article is and what it is about.

    Args:
        topics: the topics and the sections that stand for them.
        terms: the weighted terms, a file per language.
        agencies: the agencies and their names.
    """

    def __init__(self, topics: TopicFile, terms: tuple[TermFile, ...], agencies: AgencyFile) -> None:
        super().__init__("tag", partial(_load, topics, terms, agencies))


def _load(topics: TopicFile, terms: tuple[TermFile, ...], agencies: AgencyFile) -> Stage:
    return partial(tag_article, tagger=TopicTagger(topics, terms), agencies=AgencyReader(agencies))
