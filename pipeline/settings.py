"""Settings, feeds and rules: TOML read into frozen, typed values.

An unknown key or a bad value is an error that names file and key.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pipeline.tables import Feed, FeedFile, Settings
from schemas.gazetteer import CityFile, CountryFile, CueFile, Gazetteer, OrganisationFile, PersonFile
from schemas.rules import Model, RuleFile, RuleSet
from schemas.tagging import AgencyFile, TermFile, TopicFile
from transforms.core.clutter.rules import RuleError, rule_book
from transforms.core.entities import EntityTagger
from transforms.core.topics import check_vocabulary
from transforms.taggers import TaggerError, installed_taggers, load_taggers

M = TypeVar("M", bound=BaseModel)


class SettingsError(Exception):
    """Settings, feeds or rules that cannot be used; one line with file, key and what is allowed."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a run goes by: settings, feeds, rules and vocabularies, all checked, and the hashes that name them.

    ``feeds_folder`` is what the paths of feeds are relative to.
    """

    settings: Settings
    feeds: tuple[Feed, ...]
    feeds_folder: Path
    rules: RuleSet
    topics: TopicFile
    terms: tuple[TermFile, ...]
    agencies: AgencyFile
    gazetteer: Gazetteer
    config_hash: str
    rules_version: str


def load(config: Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read and check everything.

    Args:
        config: the user's ``knipsel.toml``; it is laid over the one that ships. ``feeds.toml``, ``clutter/`` and
            ``tags/`` beside it are used too: feeds and tags in place of those that ship, rules besides them.
        overrides: single values as ``run.rows_per_file=100``.

    Raises:
        SettingsError: anything that is not well-formed.
    """
    shipped = Path(str(files("config")))
    own = config.parent if config is not None else shipped
    layers = [("config/knipsel.toml", _content(shipped / "knipsel.toml"))]
    if config is not None:
        layers.append((str(config), _content(config)))
    layers += [("--set " + text, _override(text)) for text in overrides]
    settings = _settings(layers)

    feeds_file = own / "feeds.toml" if (own / "feeds.toml").is_file() else shipped / "feeds.toml"
    feeds = _validated(FeedFile, _content(feeds_file), str(feeds_file)).feed
    rules = _rules(shipped, own, settings, _origin(layers, ("clutter", "languages")))
    tags = own / "tags" if (own / "tags").is_dir() else shipped / "tags"
    topics = _read(TopicFile, tags / "medtop.toml")
    terms = {path.name: _read(TermFile, path) for path in sorted(tags.glob("medtop-*.toml"))}
    agencies = _read(AgencyFile, tags / "agencies.toml")
    names = tags / "gazetteer" if (tags / "gazetteer").is_dir() else shipped / "tags" / "gazetteer"
    gazetteer = _gazetteer(names)
    try:
        check_vocabulary(("medtop.toml", topics), terms.items())
    except ValueError as fault:
        raise SettingsError(f"{_label(tags)}/{fault}") from None
    return Config(
        settings=settings,
        feeds=feeds,
        feeds_folder=feeds_file.parent,
        rules=rules,
        topics=topics,
        terms=tuple(terms.values()),
        agencies=agencies,
        config_hash=_hash(settings.model_dump(mode="json", exclude=_UNTOLD), *map(_plain, feeds)),
        gazetteer=gazetteer,
        rules_version=_hash(
            *map(_plain, (*rules.files.values(), topics, *terms.values(), agencies)),
            {"model": rules.model_digest},
            # A tenth of a second would go into hashing the models instead of what they were read from.
            *({path.name: _digest(path)} for path in sorted(names.iterdir())),
            {"taggers": installed_taggers()},
        ),
    )


def check(config: Config) -> list[str]:
    """What ``load`` does not look at: every rule against its examples, names and other taggers. One line a fault."""
    faults = rule_book(config.rules).faults()
    try:
        EntityTagger(config.gazetteer)
        load_taggers()
    except (ValueError, TaggerError) as fault:
        faults.append(str(fault))
    return faults


def _gazetteer(folder: Path) -> Gazetteer:
    return Gazetteer(
        countries=_read(CountryFile, folder / "countries.toml"),
        cities=_read(CityFile, folder / "cities.json"),
        organisations=_read(OrganisationFile, folder / "organisations.toml"),
        persons=_read(PersonFile, folder / "persons.toml"),
        cues=_read(CueFile, folder / "words.toml"),
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _rules(shipped: Path, own: Path, settings: Settings, origin: str) -> RuleSet:
    folders = [shipped / "clutter"]
    if own.resolve() != shipped.resolve() and (own / "clutter").is_dir():
        folders.append(own / "clutter")
    found: dict[str, RuleFile] = {}
    for folder in folders:
        by_language = {p.stem: p for p in sorted((folder / "language").glob("*.toml"))}
        paths = [by_language[name] for name in settings.clutter.languages if name in by_language]
        for kind in ("agency", "publisher"):
            paths += sorted((folder / kind).glob("*.toml"))
        for path in paths:
            found[_label(path)] = _read(RuleFile, path)
        places = {folder / kind for kind in ("language", "agency", "publisher")}
        for path in sorted(folder.rglob("*.toml")):
            if path.parent not in places:
                raise SettingsError(f"{path}: rules are read from language/, agency/ and publisher/; move it there")
    known = {Path(name).stem for name in found if "/language/" in name}
    for name in settings.clutter.languages:
        if name not in known:
            allowed = ", ".join(sorted({p.stem for f in folders for p in (f / "language").glob("*.toml")}))
            raise SettingsError(f"{origin}: clutter.languages: no rules for {name!r}; allowed: {allowed}")
    models = [folder / "model.json" for folder in folders if (folder / "model.json").is_file()]
    rules = RuleSet(found, _read(Model, models[-1]))
    try:
        rule_book(rules)
    except RuleError as fault:
        raise SettingsError(str(fault)) from None
    return rules


def _label(path: Path) -> str:
    """The name of a file in messages and hashes: the same wherever it is installed."""
    shipped = Path(str(files("config")))
    return f"config/{path.relative_to(shipped).as_posix()}" if path.is_relative_to(shipped) else str(path)


def _content(path: Path) -> dict[str, Any]:
    """What a file of TOML, or of JSON, holds."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(f"{path}: cannot be read ({fault})") from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as fault:
        raise SettingsError(f"{_label(path)}: no valid {path.suffix[1:].upper()}: {fault}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{_label(path)}: holds no table")
    return content


def _read(model: type[M], path: Path) -> M:
    return _validated(model, _content(path), _label(path))


def _override(text: str) -> dict[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise SettingsError(f"--set {text}: write it as KEY=VALUE, for example --set language.detector=langdetect")
    try:
        parsed = tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *tables, last = key.strip().split(".")
    out = {last: parsed}
    for table in reversed(tables):
        out = {table: out}
    return out


def _settings(layers: Sequence[tuple[str, Mapping[str, Any]]]) -> Settings:
    merged: dict[str, Any] = {}
    for _, layer in layers:
        merged = _over(merged, layer)
    try:
        return Settings.model_validate(merged)
    except ValidationError as fault:
        origin = _origin(layers, fault.errors()[0]["loc"])
        raise SettingsError(_one_line(Settings, fault, origin)) from None


def _origin(layers: Sequence[tuple[str, Mapping[str, Any]]], loc: Sequence[int | str]) -> str:
    """The name of the topmost layer that states the value at ``loc``."""
    return next((name for name, layer in reversed(layers) if _holds(layer, loc)), layers[0][0])


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def _holds(layer: Mapping[str, Any], loc: Sequence[int | str]) -> bool:
    at: Any = layer
    for part in loc:
        if isinstance(at, Mapping) and part in at:
            at = at[part]
        else:
            return not isinstance(at, Mapping) and at is not layer
    return True


def _validated(model: type[M], data: Mapping[str, Any], name: str) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        raise SettingsError(_one_line(model, fault, name)) from None


def _one_line(model: type[BaseModel], fault: ValidationError, name: str) -> str:
    """The first fault as ``file: key: what is wrong; what is allowed``."""
    error = fault.errors()[0]
    loc = [part for part in error["loc"] if part != "[key]"]
    key = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".") or "the file"
    if error["type"] == "extra_forbidden":
        return f"{name}: {key}: unknown key; allowed: {', '.join(_keys(model, loc[:-1]))}"
    if error["type"] == "missing":
        return f"{name}: {key}: is missing"
    message = error["msg"].removeprefix("Value error, ")
    return f"{name}: {key}: {message[:1].lower()}{message[1:]}, not {json.dumps(error['input'], default=str)[:80]}"


def _keys(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The keys that the table at ``loc`` may have."""
    current: Any = model
    for part in loc:
        if isinstance(part, int):
            continue
        annotation = current.model_fields[part].annotation
        inner = [a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, BaseModel)]
        current = inner[0]
    return sorted(current.model_fields)


_UNTOLD: Any = {
    "root": True,
    "fetch": True,
    "drift": True,
    "alarm": True,
    "watch": True,
    "run": {"workers", "batch_bytes", "batch_records"},
}
"""Settings that no row depends on: where it is written, how it is fetched, who works on it, in which portions, and
what is said of it."""


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")


def _hash(*contents: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:12]
