"""The stages one after the other, on records as they are read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipeline.settings import Config
from schemas.article import Tag
from schemas.record import Declared, Draft, InputKind, Outlet, Record
from schemas.reject import Reason, Refused
from tests.conftest import NOW
from transforms.core import stages
from transforms.core.agencies import AgencyReader
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.strip import restore
from transforms.core.date_weights import DATE_ABSURD, DATE_CONFLICT, DATE_UNREAD
from transforms.core.entities import EntityTagger
from transforms.core.language import DETECTORS
from transforms.core.topics import TopicTagger

BODY = (
    "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente. Er was taart voor iedereen.\n"
    "Het werk duurde twee jaar. De oude brug gaat naar een museum in Oudewal, waar hij over een vijver komt."
)
STOPPED = (
    "De bakker van Oudewal vond achter zijn oven een trommel met brieven, en wie ze schreef weet intussen niemand"
)
NOTICE = "Meld je aan om dit artikel verder te lezen."
OFFER = "Neem nu een abonnement: de eerste maand voor 1 euro, daarna 9 euro per maand."
ZONES = {"NL": "Europe/Amsterdam"}


def record(
    text: str | None = BODY, *, outlet: Outlet | None = None, html: bytes | None = None, **said: Any
) -> Record:
    """A record of text or, with ``html``, of a page."""
    raw = html or (text or "").encode()
    kind = InputKind.HTML if html else InputKind.JSONL
    return Record(
        kind=kind,
        ref="in.jsonl#1",
        record="in.jsonl#1",
        outlet=outlet or Outlet(),
        declared=Declared(**said),
        raw=raw,
        text=None if html else text,
        html=html,
    )


def extracted(*args: Any, **said: Any) -> Draft:
    return stages.extract(record(*args, **said), now=NOW, timezones=ZONES)


def stripped(text: str, book: RuleBook, **said: Any) -> Draft:
    return stages.strip_clutter(extracted(text, **said), book=book)


def refusal(call: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.reason


# extract


def test_extract_takes_what_the_record_states() -> None:
    said = extracted(
        title="Brug open",
        url="HTTPS://Oudewal.example/brug?utm_source=x#top",
        published="2026-11-18T09:30:00",
        modified="2026-11-19",
        authors=("Anneke Drost",),
        language="nl-NL",
        outlet=Outlet(source_id="oudewal", name="De Oudewaler", country="NL", section="Regio"),
    ).article
    assert (said.headline, said.body, said.source_id, said.source_name) == (
        "Brug open",
        BODY,
        "oudewal",
        "De Oudewaler",
    )
    assert said.canonical_url == "https://oudewal.example/brug"
    assert said.host == "oudewal.example"
    assert said.published_at == dt.datetime(2026, 11, 18, 8, 30, tzinfo=dt.UTC)
    assert (said.section, said.language_declared, said.authors) == ("Regio", "nl-NL", ("Anneke Drost",))
    assert (said.fetched_at, said.access) == (NOW, "unknown")


def test_extract_prefers_the_record_to_the_page() -> None:
    paragraphs = "".join(f"<p>{line}</p>" for line in BODY.splitlines())
    page = (
        "<html lang='nl'><head><title>Brug</title><meta property='og:title' content='Brug volgens de pagina'>"
        "<meta name='author' content='Page Author'></head><body><article><h1>Brug volgens de pagina</h1>"
        f"{paragraphs}</article></body></html>"
    ).encode()
    draft = extracted(html=page, title="Brug volgens het bestand")
    assert draft.article.headline == "Brug volgens het bestand"
    assert draft.article.body == BODY
    assert draft.raw_bytes == len(page)
    assert extracted(html=page).article.headline == "Brug volgens de pagina"


def test_a_source_is_named_after_the_host_and_else_local() -> None:
    assert extracted(url="https://oudewal.example/a").article.source_id == "oudewal.example"
    assert extracted().article.source_id == stages.LOCAL


def test_the_id_is_of_the_address_or_of_the_place_in_the_source() -> None:
    one, two = (extracted(url="https://oudewal.example/a", outlet=Outlet(source_id=name)) for name in ("x", "y"))
    assert one.article.article_id == two.article.article_id
    one, two = (extracted(outlet=Outlet(source_id=name)) for name in ("x", "y"))
    assert one.article.article_id != two.article.article_id


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"url": "javascript:alert(1)"}, Reason.BAD_SCHEME),
        ({"url": "http://[::1"}, Reason.BAD_URL),
    ],
)
def test_extract_refuses_addresses_that_are_none(said: dict[str, str], reason: Reason) -> None:
    assert refusal(lambda: extracted(**said)) == reason


def test_extract_refuses_what_has_neither_text_nor_title() -> None:
    assert refusal(lambda: extracted(" \n")) == Reason.EMPTY
    assert extracted(" \n", title="Alleen een kop").article.headline == "Alleen een kop"


def test_a_date_that_cannot_be_read_and_one_that_cannot_be_true_are_flagged() -> None:
    assert extracted(published="gisteren of zo").article.quality_flags == (DATE_UNREAD,)
    absurd = extracted(published="2031-01-01", modified="1204-01-01").article
    assert absurd.quality_flags == (DATE_ABSURD,)
    assert (absurd.published_at, absurd.modified_at) == (None, None)


# strip


def test_strip_notes_every_cut_and_flags_a_short_body(book: RuleBook) -> None:
    article = stripped(f"{BODY}\nBron: Belga\n", book, title="Brug open").article
    assert article.body == BODY
    assert article.body_chars == len(BODY)
    assert restore(article.body, article.removed) == f"{BODY}\nBron: Belga\n"
    assert article.quality_flags == ()
    assert article.content_hash
    assert stages.SHORT_BODY in stripped("De brug is open.", book, title="Brug open").article.quality_flags


def test_strip_refuses_a_text_of_nothing_but_clutter(book: RuleBook) -> None:
    assert refusal(lambda: stripped("Foto: ANP\n", book)) == Reason.ONLY_CLUTTER


def test_a_paywall_notice_below_a_beginning_makes_it_a_teaser(book: RuleBook) -> None:
    article = stripped(f"{STOPPED} …\n{NOTICE}\n{OFFER}", book, title="Brieven achter de oven").article
    assert article.body == f"{STOPPED} …"
    assert article.access == "teaser"
    assert stages.TRUNCATED in article.quality_flags


def test_a_paywall_notice_below_next_to_nothing_makes_it_locked(book: RuleBook) -> None:
    article = stripped("Een vondst.\nAlleen voor abonnees", book, title="Brieven achter de oven").article
    assert (article.body, article.access) == ("Een vondst.", "locked")


def test_an_offer_counts_only_where_the_text_breaks_off(book: RuleBook) -> None:
    assert stripped(f"{STOPPED}...\n{OFFER}", book, title="Brieven").article.access == "teaser"
    whole = stripped(f"{BODY}\n{OFFER}", book, title="Brug open").article
    assert (whole.body, whole.access) == (BODY, "unknown")


def test_a_text_that_was_cut_short_on_its_way_is_truncated_and_nothing_is_said_of_access(book: RuleBook) -> None:
    for text in (f"{STOPPED}…", f"{STOPPED}...", f"{STOPPED} [+1834 chars]", f"{STOPPED}\n[+1834 chars]\nBron: ANP"):
        article = stripped(text, book, title="Brieven").article
        assert stages.TRUNCATED in article.quality_flags, text
        assert article.access == "unknown", text
    assert stages.TRUNCATED not in stripped(BODY, book, title="Brug open").article.quality_flags


def test_what_the_metadata_says_of_access_stands(book: RuleBook) -> None:
    page = (
        '<html><head><script type=\'application/ld+json\'>{"@type": "NewsArticle", "isAccessibleForFree": true}'
        f"</script></head><body><article><p>{BODY}</p><p>{STOPPED} …</p></article></body></html>"
    ).encode()
    draft = extracted(html=page)
    assert stages.strip_clutter(draft, book=book).article.access == "open"


# language, date, tag


@pytest.fixture(scope="module")
def tagger(config: Config) -> TopicTagger:
    return TopicTagger(config.topics, config.terms)


def in_language(draft: Draft) -> Draft:
    return stages.detect_language(draft, detector=DETECTORS["py3langid"](), max_chars=1_000, min_letters=10)


def test_the_language_is_that_of_the_text_and_a_conflict_is_flagged(book: RuleBook) -> None:
    article = in_language(stripped(BODY, book, title="Brug open", language="fr-BE")).article
    assert (article.language, article.language_declared) == ("nl", "fr-BE")
    assert stages.LANGUAGE_CONFLICT in article.quality_flags
    article = in_language(stripped(BODY, book, title="Brug open", language="NL-be")).article
    assert (article.language, article.language_declared, article.quality_flags) == ("nl-BE", "NL-be", ())
    assert in_language(stripped(BODY, book, title="Brug open")).article.language == "nl"


def test_the_language_of_the_article_goes_before_that_of_its_frame(book: RuleBook) -> None:
    frame = "\n".join(["Accueil", "Politique et société", "Découvrez nos offres", "Tous nos podcasts"] * 12)
    article = in_language(stripped(f"{frame}\n{BODY}", book, title="Brug open", language="fr-BE")).article
    assert (article.language, article.language_declared) == ("nl", "fr-BE")


def test_what_is_declared_decides_only_where_the_detector_hesitates(book: RuleBook) -> None:
    title = "Nam, SA green hydrogen pipeline flagged"
    assert in_language(stripped("12-3 (6-1)", book, title=title)).article.language == "und"
    said = in_language(stripped("12-3 (6-1)", book, title=title, language="en-ZA")).article
    assert (said.language, said.quality_flags) == ("en-ZA", ("short_body",))
    assert in_language(stripped("12-3 (6-1)", book, title=title, language="ja")).article.language == "und"


def test_a_headline_helps_a_body_too_short_to_tell(book: RuleBook) -> None:
    draft = stripped("12-3 (6-1)", book, title="De kaatsers van Nijhorne hebben de beker van de Lauwe gewonnen")
    assert in_language(draft).article.language == "nl"
    assert in_language(stripped("12-3 (6-1)", book)).article.language == "und"


def test_the_folder_is_the_day_published_else_modified_else_fetched(book: RuleBook) -> None:
    def filed(text: str = BODY, **said: Any) -> tuple[dt.date | None, str | None]:
        article = stages.date_article(stripped(text, book, **said), now=NOW).article
        return article.partition_date, article.date_basis

    assert filed(published="2026-11-17", modified="2026-11-19") == (dt.date(2026, 11, 17), "published")
    assert filed(published="2026-09") == (dt.date(2026, 9, 1), "published")
    assert filed(modified="2026-11-19T06:00:00Z") == (dt.date(2026, 11, 19), "modified")
    assert filed(fetched_at=dt.datetime(2026, 11, 12, 23, 30, tzinfo=dt.UTC)) == (dt.date(2026, 11, 12), "fetched")
    assert filed() == (NOW.date(), "fetched")
    assert filed(f" date 2017-09 {BODY}") == (dt.date(2017, 9, 1), "published")
    assert filed(f" date 2017-09 {BODY}", published="2026-11-17") == (dt.date(2026, 11, 17), "published")
    assert filed(f" date 2031-09 {BODY}") == (NOW.date(), "fetched")
    assert filed(f"18 november 2026, 09:12\n{BODY}", title="Brug open") == (dt.date(2026, 11, 18), "published")
    assert filed(url="https://oudewal.example/2026/11/18/brug") == (dt.date(2026, 11, 18), "published")
    assert filed(published="0001-01-01T00:00:00Z") == (NOW.date(), "fetched")


def test_a_page_and_its_address_that_disagree_are_flagged(book: RuleBook) -> None:
    page = (
        '<html><head><meta property="article:published_time" content="2026-11-18T09:30:00Z"></head>'
        f"<body><article><p>{BODY}</p></article></body></html>"
    ).encode()
    flagged = extracted(html=page, url="https://oudewal.example/2026/11/03/brug").article
    assert (flagged.published_edtf, flagged.quality_flags) == ("2026-11-18T09:30Z", (DATE_CONFLICT,))
    assert extracted(html=page, url="https://oudewal.example/2026/11/17/brug").article.quality_flags == ()


def test_the_agency_of_a_cut_credit_and_the_topics_of_the_text(
    book: RuleBook, config: Config, tagger: TopicTagger
) -> None:
    text = (
        "OUDEWAL (ANP) - De minister opende de brug. Het kabinet betaalde mee, en de Tweede Kamer stemde voor.\n"
        "Bron: Belga"
    )
    draft = stripped(text, book, title="Kabinet betaalt brug", section="Politiek")
    own = Tag("club", "fc-oudewal", "FC Oudewal", 1.0, "brug")
    article = stages.tag_article(
        in_language(draft),
        tagger=tagger,
        agencies=AgencyReader(config.agencies),
        entities=EntityTagger(config.gazetteer),
        others=[lambda headline, body, language: [own] if "brug" in (headline or body) else []],
    ).article
    assert article.agency == "ANP/BELGA"
    assert article.dateline_place == "Oudewal"
    assert {tag.code for tag in article.tags} >= {"11000000", "politiek"}
    assert article.tags[-1] == own


def test_the_event_time_is_what_reading_tells() -> None:
    assert stages.event_time(record(published="2026-11-18T09:30:00Z"), NOW) == dt.datetime(
        2026, 11, 18, 9, 30, tzinfo=dt.UTC
    )
    assert stages.event_time(record(published="2026-09"), NOW) == dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
    fetched = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    assert stages.event_time(record(published="2031-01-01", fetched_at=fetched), NOW) == fetched
    assert stages.event_time(record(), NOW) == NOW
