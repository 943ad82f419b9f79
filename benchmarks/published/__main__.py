"""Make the table of published autoencoders that ships.

    python -m benchmarks.published PRETRAINED_SAES_YAML --version 6.54.12 --date 2026-10

The YAML file lies in an installed SAELens (`sae_lens/pretrained_saes.yaml`). Of its 170 releases
those are taken that can be read here, and of the sweeps that were published for studies of SAEs
themselves only some (`releases`). What SAELens doesn't list is in `others`, each with its source.
Autoencoders that are named alike become one pattern, so that some thousands take some kilobytes.
"""

import argparse
from pathlib import Path
from typing import Any

import msgspec
import yaml

from benchmarks.published.others import OTHER_SOURCES, OTHERS
from benchmarks.published.patterns import Entry, patterns
from benchmarks.published.releases import FORMATS, MODELS, is_taken, site_kinds
from engine.sae.published.table import Pattern, Release, Source, Table, saes_of

TABLE = Path(__file__).parents[2] / "engine" / "sae" / "published" / "table.json"


def made(content: dict[str, Any], source: Source) -> Table:
    """The table, of what SAELens' list holds and of the others."""
    taken = {name: told for name, told in content.items() if is_taken(name, told)}
    releases = [_release(name, told) for name, told in taken.items()] + OTHERS
    releases.sort(key=lambda release: (release.model.lower(), release.name.lower()))
    return Table(sources=[source, *OTHER_SOURCES], releases=releases)


def _release(name: str, told: dict[str, Any]) -> Release:
    saes: list[Pattern] = []
    entries = [Entry(sae["id"], str(sae["path"]), sae.get("l0")) for sae in told["saes"]]
    for pattern in patterns(entry for entry in entries if site_kinds(told, entry.id)[0]):
        site, target = site_kinds(told, pattern.id)
        saes.append(msgspec.structs.replace(pattern, site=site, target=target))
    asked = (told.get("config_overrides") or {}).get("model_from_pretrained_kwargs")
    return Release(
        name=name,
        repository=told["repo_id"],
        model=MODELS.get(told["model"], told["model"]),
        format=FORMATS[told.get("conversion_func")],
        source=0,
        saes=saes,
        library_fields={"sae_lens": {"model_from_pretrained_kwargs": asked}} if asked else {},
    )


def check(table: Table, content: dict[str, Any]) -> None:
    """Raise AssertionError unless what the patterns stand for is what the list holds."""
    for release in (one for one in table.releases if one.source == 0):
        told = content[release.name]
        listed = {
            f"{release.name}/{sae['id']}": (str(sae["path"]), round(sae.get("l0") or 0, 1))
            for sae in told["saes"]
            if site_kinds(told, sae["id"])[0]
        }
        ours = list(saes_of(release))
        assert {sae.name: sae.path for sae in ours} == {
            name: at for name, (at, _) in listed.items()
        }
        assert all(sae.l0 in (None, listed[sae.name][1]) for sae in ours)


def main() -> None:
    p = argparse.ArgumentParser(description="Make the table of published autoencoders.")
    p.add_argument("yaml", type=Path, help="SAELens' pretrained_saes.yaml")
    p.add_argument("--version", required=True, help="of that SAELens")
    p.add_argument("--date", required=True, help="of that version, as 2026-10")
    asked = p.parse_args()
    content = yaml.load(asked.yaml.read_bytes(), Loader=yaml.CSafeLoader)
    source = Source(
        name=f"SAELens {asked.version}",
        date=asked.date,
        url="https://github.com/decoderesearch/SAELens",
    )
    table = made(content, source)
    check(table, content)
    text = msgspec.json.encode(table)
    lines = text.replace(b'{"name":', b'\n{"name":').replace(b'{"id":', b'\n  {"id":')
    TABLE.write_bytes(lines + b"\n")
    count = sum(1 for release in table.releases for _ in saes_of(release))
    print(f"{len(table.releases)} releases, {count} SAEs, {TABLE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
