from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.settings import Config, SettingsError, check, load

TABLES = {
    "": "alarm, clusters, clutter, drift, fetch, language, limits, root, run, timezones, watch",
    "run": "batch_bytes, batch_records, buffer_bytes, max_rejected_share, rows_per_file, workers",
    "limits": "child_bytes, feed_bytes, parse_seconds, text_bytes",
    "language": "detector, expected, max_chars, min_letters",
    "clutter": "languages",
}

RULE = """
[[rule]]
id = "{id}"
kind = "share"
scope = "line"
match = '{match}'
example = "Tik dit bericht door"
counter_example = "Iemand tikt een bericht."
"""


NO_RULES = "clutter.languages=[]"
"""Most of what loading takes is compiling rules; a test of something else does without."""


def written(folder: Path, settings: str | bytes = "", files: Mapping[str, str] | None = None) -> Path:
    """The user's ``knipsel.toml`` with what lies beside it."""
    for name, text in {"my.toml": settings, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / "my.toml"


def fault(config: Path | None, *overrides: str) -> str:
    with pytest.raises(SettingsError) as error:
        load(config, overrides)
    return str(error.value)


def test_what_ships_is_well_formed(config: Config) -> None:
    assert check(config) == []
    assert len(config.feeds) >= 30
    assert not any(feed.enabled for feed in config.feeds), "nobody is asked whom the user has not chosen"
    assert list(config.settings.clutter.languages) == ["any", "nl", "fr", "de", "en"]
    assert all(name.startswith("config/clutter/") for name in config.rules.files)
    assert {term.language for term in config.terms} == {"nl", "fr", "de", "en"}


def test_the_same_settings_have_the_same_hashes(config: Config, tmp_path: Path) -> None:
    again = load(written(tmp_path, "root = 'elsewhere'"))
    bare = load(overrides=[NO_RULES])
    assert bare.rules_version != config.rules_version
    assert bare.config_hash != config.config_hash
    assert (again.config_hash, again.rules_version) == (config.config_hash, config.rules_version)
    assert again.settings.root == "elsewhere"
    shared = load(overrides=[NO_RULES, "run.workers=3", "run.batch_bytes=5000", "fetch.contact=ik@zk.example"])
    assert shared.config_hash == bare.config_hash, "no row depends on who does the work, or on who asks"
    finer = load(overrides=[NO_RULES, "run.rows_per_file=5"])
    assert finer.rules_version == bare.rules_version
    assert finer.config_hash != bare.config_hash


def test_a_users_file_is_laid_over_the_one_that_ships(config: Config, tmp_path: Path) -> None:
    mine = load(
        written(
            tmp_path,
            "\ufeffroot = 'uit'\r\n[run]\r\nrows_per_file = 7\r\n"
            "[timezones]\r\nPL = 'Europe/Warsaw'\r\nGB = 'UTC'\r\n",
        ),
        [NO_RULES],
    ).settings
    assert (mine.root, mine.run.rows_per_file) == ("uit", 7)
    assert mine.run.buffer_bytes == config.settings.run.buffer_bytes
    assert (mine.limits, mine.language) == (config.settings.limits, config.settings.language)
    assert mine.timezones == {**config.settings.timezones, "PL": "Europe/Warsaw", "GB": "UTC"}


@pytest.mark.parametrize("table", TABLES)
def test_an_unknown_key_names_file_key_and_what_is_allowed(tmp_path: Path, table: str) -> None:
    path = written(tmp_path, f"[{table}]\nkleur = 1\n" if table else "kleur = 1\n")
    key = f"{table}.kleur".lstrip(".")
    assert fault(path) == f"{path}: {key}: unknown key; allowed: {TABLES[table]}"
    assert fault(None, f"{key}=1") == f"--set {key}=1: {key}: unknown key; allowed: {TABLES[table]}"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("root", 5, "string"),
        ("root", "", "at least 1 character"),
        ("run", 5, "dictionary"),
        ("run.rows_per_file", 0, "greater than or equal to 1"),
        ("run.rows_per_file", 1.5, "integer"),
        ("run.rows_per_file", True, "integer"),
        ("run.rows_per_file", "veel", "integer"),
        ("run.buffer_bytes", 10, "1000"),
        ("run.max_rejected_share", 1.01, "less than or equal to 1"),
        ("run.max_rejected_share", -0.1, "greater than or equal to 0"),
        ("run.max_rejected_share", True, "number"),
        ("limits.text_bytes", 1 << 31, "less than"),
        ("limits.feed_bytes", -1, "greater than"),
        ("language.detector", "orakel", "'langdetect' or 'py3langid'"),
        ("language.max_chars", 1, "50"),
        ("language.min_letters", 0, "1"),
        ("language.expected", ["dutch"], "pattern"),
        ("clutter.languages", "nl", "tuple"),
        ("clutter.languages", ["xx"], "allowed: any, de, en, fr, nl"),
        ("clutter.languages", ["../nl"], "pattern"),
        ("timezones.NL", "Europe/Oudewal", "IANA"),
        ("timezones.NL", "../../etc/passwd", "IANA"),
        ("timezones.nl", "Europe/Amsterdam", "pattern"),
        ("timezones.NLD", "Europe/Amsterdam", "pattern"),
    ],
)
def test_a_bad_value_names_file_and_key(tmp_path: Path, key: str, value: object, says: str) -> None:
    table, _, name = key.rpartition(".")
    literal = json.dumps(value)
    path = written(tmp_path, f"[{table}]\n{name} = {literal}\n" if table else f"{name} = {literal}\n")
    for message, origin in ((fault(path), path), (fault(None, f"{key}={literal}"), f"--set {key}={literal}")):
        assert message.startswith(f"{origin}: {key}")
        assert says in message
        assert "\n" not in message


def test_the_layer_that_states_the_bad_value_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "[run]\nrows_per_file = 5\n")
    assert fault(path, "run.rows_per_file=0").startswith("--set run.rows_per_file=0: ")
    assert fault(written(tmp_path, "[run]\nrows_per_file = 0\n"), "run.buffer_bytes=5000").startswith(f"{path}: ")
    assert load(path, [NO_RULES, "run.rows_per_file=0", "run.rows_per_file=6"]).settings.run.rows_per_file == 6


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("root=/srv/knipsel", "/srv/knipsel"),
        ("root='/srv/knip sel'", "/srv/knip sel"),
        ('root="a=b"', "a=b"),
        ("root=a=b", "a=b"),
        (" root =uit", "uit"),
    ],
)
def test_overrides_of_strings(text: str, value: str) -> None:
    assert load(overrides=[NO_RULES, text]).settings.root == value


def test_overrides_of_other_types() -> None:
    settings = load(
        overrides=[
            *("run.rows_per_file=1_000", "run.max_rejected_share=0.25", "language.detector=py3langid"),
            *("clutter.languages=['any', 'nl']", NO_RULES, "timezones.PL=Europe/Warsaw"),
        ]
    ).settings
    assert (settings.run.rows_per_file, settings.run.max_rejected_share) == (1_000, 0.25)
    assert (settings.language.detector, settings.clutter.languages) == ("py3langid", ())
    assert settings.timezones["PL"] == "Europe/Warsaw"


@pytest.mark.parametrize("text", ["", "=", "=5", " =5", "run.rows_per_file", "--root"])
def test_overrides_in_no_known_form(text: str) -> None:
    assert fault(None, text).startswith(f"--set {text}: write it as KEY=VALUE")


@pytest.mark.parametrize("text", ["run..rows_per_file=1", "run.rows_per_file.x=1", ".root=a", "run.=1"])
def test_overrides_of_keys_that_are_none(text: str) -> None:
    assert fault(None, text).startswith(f"--set {text}: ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[run\n", "no valid TOML"),
        (b"root = \n", "no valid TOML"),
        (b"root = 'a'\nroot = 'b'\n", "no valid TOML"),
        (b"root = 'caf\xe9'\n", "cannot be read"),
    ],
)
def test_files_that_are_no_toml(tmp_path: Path, content: bytes, says: str) -> None:
    path = written(tmp_path, content)
    assert fault(path).startswith(f"{path}: {says}")
    beside = written(tmp_path / "b", "", {"feeds.toml": content.decode("latin-1")})
    if b"\xe9" not in content:
        assert fault(beside).startswith(f"{tmp_path}/b/feeds.toml: {says}")


def test_files_that_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "weg.toml"
    assert fault(path) == f"{path}: there is no such file"
    assert fault(tmp_path).startswith(f"{tmp_path}: cannot be read")
    written(tmp_path, "", {"tags/medtop-nl.toml": ""})
    assert fault(tmp_path / "my.toml", NO_RULES) == f"{tmp_path}/tags/medtop.toml: there is no such file"


FEED = '[[feed]]\nurl = "feeds/zk.xml"\noutlet = "zk"\n'


def test_feeds_beside_the_users_file(tmp_path: Path) -> None:
    text = FEED + 'country = "BE"\ntimezone = "Europe/Brussels"\n'
    config = load(written(tmp_path, files={"feeds.toml": text}), [NO_RULES])
    (feed,) = config.feeds
    assert (feed.url, feed.outlet, feed.country, feed.enabled) == ("feeds/zk.xml", "zk", "BE", True)
    assert config.feeds_folder == tmp_path
    assert config.config_hash != load(written(tmp_path, files={"feeds.toml": FEED}), [NO_RULES]).config_hash


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FEED.replace("feeds/", "ftp://zk.example/"), "feed[1].url: the address begins with 'ftp', not with http(s)"),
        (FEED.replace("feeds/", "https://zk example/"), "feed[1].url: the address has blanks"),
        (FEED + 'text = "samenvatting"\n', "feed[1].text: input should be 'page' or 'item'"),
        (FEED + "interval_minutes = -1\n", "feed[1].interval_minutes: "),
        (FEED + '[feed.headers]\nHost = "a"\n', "feed[1].headers.Host: is set by knipsel itself"),
        (FEED + 'hosts = ["zk.example/pad"]\n', "feed[1].hosts[1]: "),
        (
            FEED + FEED + "kleur = 1\n",
            "feed[2].kleur: unknown key; allowed: country, enabled, headers, hosts, interval_minutes, language, name",
        ),
        ('[[feed]]\nurl = "a.xml"\n', "feed[1].outlet: is missing"),
        ('[[feed]]\nurl = ""\noutlet = "zk"\n', "feed[1].url: "),
        (FEED.replace('"zk"', '"../zk"'), "feed[1].outlet: "),
        (FEED.replace('"zk"', '"zuid kade"'), "feed[1].outlet: "),
        (FEED + 'country = "be"\n', "feed[1].country: "),
        (FEED + 'timezone = "Brussel"\n', "feed[1].timezone: no such time zone"),
        (FEED + 'enabled = "misschien"\n', "feed[1].enabled: "),
        ('[[feeds]]\nurl = "a.xml"\n', "feeds: unknown key; allowed: feed"),
        ("feed = 5\n", "feed: "),
    ],
)
def test_feeds_that_are_not_well_formed(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, "", {"feeds.toml": text})
    assert fault(path).startswith(f"{tmp_path / 'feeds.toml'}: {says}")


def test_a_users_rules_are_used_besides_those_that_ship(tmp_path: Path) -> None:
    shipped = load(overrides=["clutter.languages=['nl']"])
    names = ["publisher/zk.toml", "agency/zk.toml", "language/nl.toml"]
    rules = {
        f"clutter/{name}": RULE.format(id=f"zk.tik-{n}", match="Tik dit bericht door") for n, name in enumerate(names)
    }
    mine = load(written(tmp_path, "[clutter]\nlanguages = ['nl']\n", rules))
    assert set(mine.rules.files) == {*shipped.rules.files, *(str(tmp_path / name) for name in rules)}
    assert mine.rules_version != shipped.rules_version
    assert not [line for line in check(mine) if "zk.tik" in line]


def test_a_users_own_language(tmp_path: Path) -> None:
    rule = RULE.format(id="fy.tik", match="Tik dit bericht door")
    path = written(tmp_path, "[clutter]\nlanguages = ['fy']\n", {"clutter/language/fy.toml": rule})
    assert str(tmp_path / "clutter/language/fy.toml") in load(path).rules.files
    path = written(tmp_path, "[clutter]\nlanguages = ['any', 'xx']\n")
    assert fault(path) == f"{path}: clutter.languages: no rules for 'xx'; allowed: any, de, en, fr, fy, nl"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (RULE.format(id="zk.tik", match="Tik(?! dit)"), "rule 'zk.tik': RE2 refuses the pattern"),
        (RULE.format(id="zk.tik", match=r"(T)ik\1"), "rule 'zk.tik': RE2 refuses the pattern"),
        (RULE.format(id="zk.tik", match="(Tik"), "rule 'zk.tik': RE2 refuses the pattern"),
        (RULE.format(id="zk.tik", match="<onbekend> dit"), "rule 'zk.tik': <onbekend> is not in [words]"),
        (RULE.format(id="zk.tik", match="x") * 2, "rule 'zk.tik': the id stands in"),
        (RULE.format(id="Zk Tik", match="x"), "rule[1].id: "),
        (RULE.format(id="zk.tik", match=""), "rule[1].match: "),
        (
            RULE.format(id="zk.tik", match="x") + "kleur = 1\n",
            "rule[1].kleur: unknown key; allowed: all, ",
        ),
        (RULE.format(id="zk.tik", match="x").replace("share", "delen"), "rule[1].kind: "),
        (RULE.format(id="zk.tik", match="x").replace('"line"', '"header"'), "rule[1]: 'opens' belongs to"),
        ("kleur = 1\n", "kleur: unknown key; allowed: hosts, note, rule, seam, sources, words"),
        ("[words]\nx = [1]\n", "words.x[1]: "),
    ],
)
def test_rules_that_are_not_well_formed(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, "", {"clutter/publisher/zk.toml": text})
    assert fault(path).startswith(f"{tmp_path}/clutter/publisher/zk.toml: {says}")


def test_an_id_that_ships_already_names_both_files(config: Config, tmp_path: Path) -> None:
    shipped, file = next((name, file) for name, file in config.rules.files.items() if file.rule)
    text = RULE.format(id=file.rule[0].id, match="Tik dit bericht door")
    message = fault(written(tmp_path, "", {"clutter/publisher/zk.toml": text}))
    assert f"'{file.rule[0].id}'" in message
    assert shipped in message
    assert f"{tmp_path}/clutter/publisher/zk.toml" in message


def test_a_rule_that_misses_its_example_is_named_by_check(tmp_path: Path) -> None:
    text = RULE.format(id="zk.een", match="Iets anders") + RULE.format(id="zk.twee", match=".*bericht.*")
    faults = check(load(written(tmp_path, files={"clutter/publisher/zk.toml": text}), [NO_RULES]))
    assert faults == ["rule 'zk.een': does not fit its example", "rule 'zk.twee': fits its counter_example"]
