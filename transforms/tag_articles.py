"""Drafts to drafts with agency, dateline, topics and names."""

from __future__ import annotations

from functools import partial

from schemas.gazetteer import Gazetteer
from schemas.tagging import AgencyFile, TermFile, TopicFile
from transforms.core import stages
from transforms.core.agencies import AgencyReader
from transforms.core.entities import EntityTagger
from transforms.core.topics import TopicTagger
from transforms.stage import Stage
from transforms.taggers import load_taggers


def tag_articles(topics: TopicFile, terms: tuple[TermFile, ...], agencies: AgencyFile, gazetteer: Gazetteer) -> Stage:
    """The stage that says whose copy each article is, what it is about, and whom and where it names.

    Args:
        topics: the topics and the sections that stand for them.
        terms: the weighted terms, a file per language.
        agencies: the agencies and their names.
        gazetteer: places, organisations and persons.

    Raises:
        TaggerError: a tagger that another package brings along cannot be used.
    """
    # Here too, so that one that is broken is known before anything is read.
    load_taggers()
    return Stage("tag", partial(_load, topics, terms, agencies, gazetteer))


def _load(topics: TopicFile, terms: tuple[TermFile, ...], agencies: AgencyFile, gazetteer: Gazetteer) -> stages.Stage:
    return partial(
        stages.tag_article,
        tagger=TopicTagger(topics, terms),
        agencies=AgencyReader(agencies),
        entities=EntityTagger(gazetteer),
        others=load_taggers(),
    )
