"""Drafts to drafts with agency, dateline and topics."""

from __future__ import annotations

from functools import partial

from schemas.tagging import AgencyFile, TermFile, TopicFile
from transforms.core import stages
from transforms.core.agencies import AgencyReader
from transforms.core.topics import TopicTagger
from transforms.stage import Stage


def tag_articles(topics: TopicFile, terms: tuple[TermFile, ...], agencies: AgencyFile) -> Stage:
    """The stage that says whose copy each article is and what it is about.

    Args:
        topics: the topics and the sections that stand for them.
        terms: the weighted terms, a file per language.
        agencies: the agencies and their names.
    """
    return Stage("tag", partial(_load, topics, terms, agencies))


def _load(topics: TopicFile, terms: tuple[TermFile, ...], agencies: AgencyFile) -> stages.Stage:
    return partial(stages.tag_article, tagger=TopicTagger(topics, terms), agencies=AgencyReader(agencies))
