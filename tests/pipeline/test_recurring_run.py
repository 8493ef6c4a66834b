"""What an outlet prints under every title is learned in one night and cut from the next on."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.learned import recurring_lines
from pipeline.ledger import Ledger, LedgerError
from pipeline.verify import verify
from schemas.article import Cut
from tests.conftest import NOW
from tests.pipeline.test_run import files, knipsel, rows
from transforms.core.clutter.recurring import RecurringLines
from transforms.core.clutter.strip import restore

FOOTER = [
    "Over de makers",
    "Het Lindeblad wordt sinds de watersnood gemaakt door vrijwilligers uit negen dorpen aan de Linde.",
    "Een fout gezien of een verhaal dat wij horen te kennen, kom dan langs in het oude veerhuis.",
    "Stichting Het Lindeblad, Veerdam 9, Oudewal",
]
RULE = "signal.recurring-line"
MOMENT = ["--now", NOW.isoformat()]

_WHO = ["De veerman", "Wethouder Terpstra", "Een bakker", "De havenmeester", "Schoolhoofd Wiarda", "De dijkwacht"]
_DID = ["vond", "verkocht", "herstelde", "verloor", "schilderde", "onderzocht", "bekroonde", "verplaatste"]
_WHAT = ["een roeiboot", "de oude sluisdeur", "zeven bijenkasten", "het orgel", "een partij dakpannen", "de wipmolen"]
_WHERE = ["in Oudewal", "bij de Linde", "achter het veerhuis", "op de markt van Lindewaard", "aan de Zuidkade"]
_WHY = ["na een storm", "voor het dorpsfeest", "zonder vergunning", "met hulp van de buren", "op eigen kosten"]


def sentence(dice: random.Random, number: int) -> str:
    words = " ".join(dice.choice(part) for part in (_WHO, _DID, _WHAT, _WHERE, _WHY))
    return f"{words}, en dat was volgens de omstanders pas de {number}e keer sinds het jaar {1200 + number}."


def article(number: int, *, source: str = "lindeblad", footer: Iterable[str] = FOOTER) -> dict[str, Any]:
    """A line of JSON; no line of its text stands in another article. A subheading and a gag do recur."""
    dice = random.Random(number)
    lines = [sentence(dice, 100 * number + n) for n in range(5)]
    lines.insert(3, "Wat eraan voorafging")
    if number % 10 == 0:
        lines.append("Zo gaat dat nu eenmaal in Oudewal.")
    return {
        "id": f"{source}-{number}",
        "source": source,
        "title": f"{dice.choice(_WHO)} {dice.choice(_DID)} {dice.choice(_WHAT)} ({number})",
        "text": "\n\n".join([*lines, *footer]),
    }


def own(number: int) -> str:
    text: str = article(number, footer=())["text"]
    return text


def write(path: Path, articles: Iterable[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in articles), "utf-8")
    return path


def bodies(root: Path, source: str = "lindeblad") -> dict[int, str]:
    return {int(row["guid"].rpartition("-")[2]): row["body"] for row in rows(root) if row["source_id"] == source}


def lines_of(root: Path) -> RecurringLines:
    with Ledger(root) as ledger:
        return recurring_lines(root, ledger.state)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nights, each with thirty articles of the outlet, and in the second a few of another with that footer."""
    folder = tmp_path_factory.mktemp("nights")
    one = [*map(article, range(30)), *(article(n, source="veenpost", footer=()) for n in range(30))]
    two = [*map(article, range(30, 60)), *(article(n, source="veenpost") for n in range(60, 66))]
    for name, night in (("one", one), ("two", two)):
        write(folder / f"{name}.jsonl", night)
        assert main(["run", str(folder / f"{name}.jsonl"), "--root", str(folder / "out"), *MOMENT, "--quiet"]) == 0
    return folder


def test_the_footer_goes_from_the_second_night_on_and_no_article_line_with_it(nights: Path) -> None:
    found = bodies(nights / "out")
    assert len(found) == 60
    for number in range(30):
        assert found[number] == article(number)["text"], "on the first night nothing is known"
    for number in range(30, 60):
        assert found[number] == own(number)
    assert not verify(nights / "out").faults


def test_each_cut_says_why_and_can_be_undone(nights: Path) -> None:
    for row in rows(nights / "out"):
        number, source = int(row["guid"].rpartition("-")[2]), row["source_id"]
        cuts = [Cut(**cut) for cut in row["removed"]]
        if source == "lindeblad":
            assert restore(row["body"], cuts) == article(number)["text"]
        for cut in cuts:
            assert (cut.kind, cut.rule) == ("other", RULE) or not cut.text.strip()
        cut_lines = [cut.text.strip() for cut in cuts if cut.rule == RULE]
        assert cut_lines == (FOOTER if source == "lindeblad" and number >= 30 else [])


def test_another_outlet_keeps_the_same_lines(nights: Path) -> None:
    found = bodies(nights / "out", "veenpost")
    for number in range(60, 66):
        assert found[number] == article(number)["text"]
    lines = lines_of(nights / "out")
    assert all(lines.recurs("lindeblad", line) and not lines.recurs("veenpost", line) for line in FOOTER)


def test_what_was_read_before_the_footer_was_known_is_not_written_again(
    nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(nights / "out")
    books = knipsel(capsys, nights / "one.jsonl", nights / "two.jsonl", "--root", nights / "out", *MOMENT)
    assert (books["written"], books["duplicate"], books["files"]) == (0, 96, [])
    assert files(nights / "out") == before, "not one new file, and the state is left alone"


def test_an_article_that_did_change_is_a_new_version(
    nights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "out"
    shutil.copytree(nights / "out", root)
    changed = {**article(4), "text": article(4)["text"].replace("omstanders", "buren", 1)}
    books = knipsel(capsys, write(tmp_path / "in.jsonl", [changed, article(5)]), "--root", root, *MOMENT)
    assert (books["written"], books["duplicate"]) == (1, 1)
    versions = {row["version"]: row["body"] for row in rows(root) if row["guid"] == "lindeblad-4"}
    assert versions == {1: article(4)["text"], 2: own(4).replace("omstanders", "buren", 1)}
    assert lines_of(root) == lines_of(nights / "out"), "a version of what was counted does not count again"


def test_shuffled_documents_give_the_same_bytes(tmp_path: Path) -> None:
    nights = [
        [str(write(tmp_path / f"{n}.jsonl", [article(n)])) for n in range(begin, begin + 30)] for begin in (0, 30)
    ]
    for root in ("in order", "shuffled"):
        for night in nights:
            asked = random.Random(7).sample(night, len(night)) if root == "shuffled" else night
            assert main(["run", *asked, "--root", str(tmp_path / root), *MOMENT, "--quiet"]) == 0
    one, two = (
        {name: data for name, data in files(tmp_path / root).items() if name.startswith(("articles/", "_state/"))}
        for root in ("in order", "shuffled")
    )
    assert len([name for name in one if name.startswith("_state/")]) == 2
    assert one == two
    assert bodies(tmp_path / "shuffled")[59] == own(59)


def test_a_slow_outlet_is_learned_night_by_night(tmp_path: Path) -> None:
    root = tmp_path / "out"
    for begin in (0, 5, 10):
        path = write(tmp_path / f"{begin}.jsonl", map(article, range(begin, begin + 5)))
        assert main(["run", str(path), "--root", str(root), *MOMENT, "--quiet"]) == 0
    assert bodies(root) == {n: article(n)["text"] if n < 10 else own(n) for n in range(15)}
    assert not verify(root).faults


def test_what_was_learned_in_steps_makes_no_new_versions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "out"
    steps = [FOOTER[1:2], FOOTER[1:], FOOTER[1:]]
    paths = []
    for night, footer in enumerate(steps):
        numbers = range(30 * night, 30 * night + 30)
        paths.append(write(tmp_path / f"{night}.jsonl", (article(n, footer=footer) for n in numbers)))
        knipsel(capsys, paths[-1], "--root", root, *MOMENT)
    found = bodies(root)
    assert found[30] == article(30, footer=FOOTER[2:])["text"], "one line was known by then, two were not"
    assert found[60] == own(60)
    books = knipsel(capsys, *paths, "--root", root, *MOMENT)
    assert (books["written"], books["duplicate"]) == (0, 90)


def test_a_state_of_another_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="of version 9, not 1; use the version of knipsel that wrote it"):
        recurring_lines(tmp_path, {"version": 9, "lines": {"lindeblad": {}}})
