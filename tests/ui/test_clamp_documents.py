"""A clamp's report as files."""

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from brainsurg_tui.commands.files import write_beside
from brainsurg_tui.panes.clamp.documents import report_files
from engine.errors import UserError
from engine.service import protocol as p
from tests.ui.fake_engine import clamp_report

HOSTILE = "<script>alert(1)</script> {{ 7 * 7 }} **bold** \x1b[31m"


def request(**changes: object) -> p.ClampRequest:
    edits = [p.FeatureEdit(feature=7, value=2.0, unit="max")]
    usual = p.ClampRequest(sae="r1", edits=edits, prompts=["Once upon a time", HOSTILE])
    return msgspec.structs.replace(usual, **changes)


def files_of(**changes: object) -> dict[str, str]:
    return {file.name: file.text for file in report_files("r1", clamp_report(request(**changes)))}


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_names_tell_sae_feature_operation_and_strength() -> None:
    stem = "clamp-r1-7-clamp-2max-model"
    assert [*files_of()] == [f"{stem}.html", f"{stem}.md", f"{stem}.csv", f"{stem}.json"]


def test_the_page_shows_figures_texts_and_what_repeats_it() -> None:
    (html, *_) = files_of(measures=["logp:Paris"], strengths=[-1.0, 0.0, 1.0, 5.0]).values()
    page = Page(html)
    assert "logp:Paris, nats" in page.text
    assert "0.0476" in page.text
    assert "brainsurg clamp r1" in page.text
    assert "KL token by token" in page.text
    assert "same dimensions move most" in page.text
    assert " there was a" in page.text


def test_what_a_text_holds_is_shown_and_never_run() -> None:
    (html, *_) = files_of().values()
    page = Page(html)
    assert "script" not in page.tags
    assert "<script>alert(1)</script> {{ 7 * 7 }}" in page.text
    assert "src=" not in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


def test_curves_are_pictures_with_band_onset_and_breaking_point() -> None:
    (html, *_) = files_of(measures=["logp:Paris"], strengths=[-1.0, 0.0, 1.0, 5.0]).values()
    pictures = [
        ElementTree.fromstring("<svg" + part.partition("</svg>")[0] + "</svg>")
        for part in html.split("<svg")[1:]
    ]
    curves = [each for each in pictures if each.find("{*}polyline") is not None]
    assert len(curves) == 2
    for curve in curves:
        line, band = curve.find("{*}polyline"), curve.find("{*}polygon")
        assert line is not None
        assert len(line.attrib["points"].split()) == 4
        assert band is not None
        assert len(band.attrib["points"].split()) == 8
        words = [text.text for text in curve.iter("{http://www.w3.org/2000/svg}text")]
        assert {"onset", "text breaks down"} <= {*words}


def test_the_table_holds_every_figure() -> None:
    _, _, table, document = files_of(measures=["logp:Paris"]).values()
    first, *_ = csv.DictReader(io.StringIO(table))
    report = json.loads(document)
    effect = report["prompts"][0]["effects"][1]
    assert float(first["logp:Paris"]) == effect["value"]
    assert float(first["logp:Paris flipped"]) == effect["flipped"]
    assert float(first["logp:Paris null low"]) == effect["null"]["low"]
    assert float(first["logp:Paris p"]) == effect["null"]["p"]
    assert first["before"] == report["prompts"][0]["baseline_text"]


def test_the_reconstruction_view_has_a_page_too() -> None:
    (html, *_) = files_of(view="reconstruction").values()
    assert "reconstruction only" in Page(html).text
    assert "by construction" in Page(html).text


def test_nothing_is_written_over(tmp_path: Path) -> None:
    files = report_files("r1", clamp_report(request()))
    first = write_beside(tmp_path / "new", files)
    second = write_beside(tmp_path / "new", files)
    assert [path.name.replace("-2.", ".") for path in second] == [path.name for path in first]
    assert not {*first} & {*second}
    assert all(path.read_text() for path in (*first, *second))


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="can't be written to"):
        write_beside(tmp_path / "file" / "in", report_files("r1", clamp_report(request())))
