"""Prompt files and corpora: every format, kept verbatim, and clear sentences for the rest."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.activations.corpus import read_documents, read_prompts
from engine.errors import UserError
from engine.model.prompt import Prompt

HOSTILE = "\x1b]0;title\x07\x1b[31m[bold]red[/] \x0c\x0b\x1c\u2028\u202e\x00 end\t"


def test_prompts_stand_one_a_line(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("Once upon a time\n\n  What is it?  \r\n   \nlast")
    assert read_prompts(path) == [
        Prompt("Once upon a time"),
        Prompt("  What is it?  "),
        Prompt("last"),
    ]


def test_prompts_stand_in_json_lines_with_categories(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a", "category": "story"}\n\n{"prompt": "b", "note": 1}\n"c"\n')
    assert read_prompts(path) == [Prompt("a", "story"), Prompt("b"), Prompt("c")]


def test_prompts_stand_in_a_json_list_of_objects_or_strings(tmp_path):
    path = tmp_path / "prompts.json"
    path.write_text('[{"prompt": "a", "category": "story"},\n "b"]')
    assert read_prompts(path) == [Prompt("a", "story"), Prompt("b")]


def test_conversations_stand_in_json_lines_and_lists(tmp_path):
    turns = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]
    entry = {"messages": [*turns, {"role": "user", "content": "And 3+3?"}], "category": "sum"}
    for name, text in (("p.jsonl", json.dumps(entry)), ("p.json", json.dumps([entry, "plain"]))):
        (tmp_path / name).write_text(text)
        prompt = read_prompts(tmp_path / name)[0]
        assert (prompt.prompt, prompt.category) == ("And 3+3?", "sum")
        assert [(m.role, m.content) for m in prompt.messages][1] == ("assistant", "4")
    assert read_prompts(tmp_path / "p.json")[1] == Prompt("plain")


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ([], "at least one message"),
        ([{"role": "system", "content": "x"}], "ends with the user's"),
        ([{"role": "user"}], "missing required field `content`"),
        ("hi", "Expected `array`"),
        ([{"role": "user", "content": [{"type": "text"}]}], "Expected `str`"),
    ],
)
def test_a_line_that_is_no_conversation_is_named(tmp_path, messages, fault):
    good = {"messages": [{"role": "user", "content": "Hi"}]}
    lines = [json.dumps(good), json.dumps({"messages": messages})]
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    with pytest.raises(UserError, match=f"line 2, is no prompt: .*{fault}.*It may be"):
        read_prompts(tmp_path / "p.jsonl")


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".json"])
def test_control_characters_and_markup_are_kept(tmp_path, suffix):
    path = tmp_path / f"prompts{suffix}"
    spelled = {".txt": HOSTILE, ".jsonl": json.dumps(HOSTILE), ".json": json.dumps([HOSTILE])}
    path.write_text(spelled[suffix])
    assert read_prompts(path) == [Prompt(HOSTILE)]


def test_a_byte_order_mark_is_no_part_of_the_first_prompt(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_bytes(b"\xef\xbb\xbfa\nb")
    assert [prompt.prompt for prompt in read_prompts(path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", b"", "holds no prompt"),
        ("a.txt", b"\n  \n", "holds no prompt"),
        ("a.jsonl", b"", "holds no prompt"),
        ("a.json", b"[]", "holds no prompt"),
        ("a.txt", b"good\nb\xe4d\n", "a.txt, line 2, is not UTF-8"),
        ("a.jsonl", b'{"prompt": "a"}\n{"prompt": }\n', "a.jsonl, line 2, is not JSON"),
        ("a.json", b'["a",\n "b",\n c]', "a.json, line 3, is not JSON"),
        ("a.json", b"", "a.json, line 1, is not JSON"),
        ("a.jsonl", b'{"prompt": "a"}\n{"text": "b"}\n', "a.jsonl, line 2, is no prompt"),
        ("a.json", b'["a", {"prompt": 5}]', "a.json, entry 2, is no prompt"),
        ("a.json", b'{"prompt": "a"}', "not a list"),
        ("a.json", b'["\\ud800"]', "lone surrogate"),
        ("a.json", b"[" * 100_000, "nested"),
        ("a.csv", b"a", "unknown format.*txt, .jsonl or .json"),
    ],
)
def test_bad_prompt_files_get_one_clear_sentence(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_prompts(path)


def test_a_missing_file_and_a_folder_are_no_prompts(tmp_path):
    with pytest.raises(UserError, match="no file"):
        read_prompts(tmp_path / "nothing.txt")
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(UserError, match="can't be read"):
        read_prompts(tmp_path / "folder.txt")


def test_blank_lines_part_documents(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n\nfirst line\nsecond line\n \n\n\nanother\x0c\n")
    assert list(read_documents([path])) == ["first line\nsecond line", "another\x0c"]


def test_documents_of_every_format_in_the_order_given(tmp_path):
    (tmp_path / "b.jsonl").write_text('{"text": "one", "id": 5}\n{"text": ""}\n{"text": "two"}\n')
    (tmp_path / "a.json").write_text('["three", {"text": "four\\n\\nstill four"}]')
    (tmp_path / "c.txt").write_text("five")
    paths = [tmp_path / name for name in ("b.jsonl", "a.json", "c.txt")]
    assert list(read_documents(paths)) == ["one", "two", "three", "four\n\nstill four", "five"]


def test_folders_are_read_in_the_order_of_their_paths(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / ".cache").mkdir()
    for name, text in {
        "b.txt": "2",
        "a.txt": "1",
        "deep/c.txt": "3",
        "README.md": "no",
        ".cache/x.txt": "no",
    }.items():
        (tmp_path / name).write_text(text)
    assert list(read_documents([tmp_path])) == ["1", "2", "3"]


def test_missing_files_are_noticed_before_reading_begins(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "empty").mkdir()
    for bad in ("missing.txt", "a.pdf", "empty"):
        (tmp_path / "a.pdf").touch()
        with pytest.raises(UserError, match=bad):
            read_documents([tmp_path / "a.txt", tmp_path / bad])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", b" \n\n", "no text"),
        ("a.txt", b"x\n\xff", "line 2, is not UTF-8"),
        ("a.jsonl", b'{"text": "a"}\n{"prompt": "b"}', "line 2, is no document"),
        ("a.json", b'{"text": "a"}', "not a list"),
    ],
)
def test_bad_corpora_get_one_clear_sentence(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        list(read_documents([path]))


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
@pytest.mark.parametrize("null", ["null", '{"text": null}', '{"text": null, "id": 5}'])
def test_a_null_is_left_out_as_a_blank_text_is(tmp_path, suffix, null):
    entries = [null, '{"text": "one"}', null, '"two"', null]
    content = "\n".join(entries) if suffix == ".jsonl" else f"[{', '.join(entries)}]"
    (tmp_path / f"a{suffix}").write_text(content)
    assert list(read_documents([tmp_path / f"a{suffix}"])) == ["one", "two"]
    prompts = content.replace("text", "prompt")
    (tmp_path / f"p{suffix}").write_text(prompts)
    assert read_prompts(tmp_path / f"p{suffix}") == [Prompt("one"), Prompt("two")]


def test_a_category_that_is_null_is_not_said(tmp_path):
    (tmp_path / "p.jsonl").write_text('{"prompt": "a", "category": null}')
    assert read_prompts(tmp_path / "p.jsonl") == [Prompt("a")]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", '{"text": null}\n\n{"text": 5}', "line 3, is no document"),
        ("a.jsonl", '{"text": null}\n{}', "line 2, is no document"),
        ("a.json", '[null, {"text": ["a"]}]', "entry 2, is no document"),
        ("a.json", "[null, 5]", "entry 2, is no document"),
        ("a.json", '[null, {"text": null}]', "no text"),
    ],
)
def test_beside_nulls_a_malformed_row_is_still_named(tmp_path, name, content, sentence):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=sentence):
        list(read_documents([tmp_path / name]))


def test_real_stories_are_read(stories_path):
    assert list(read_documents([stories_path])) == json.loads(stories_path.read_text())


def test_parquet_gives_its_text_column(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"id": [1, 2, 3], "text": ["one", None, HOSTILE]}), path)
    assert list(read_documents([path])) == ["one", HOSTILE]
    parquet.write_table(pyarrow.table({"text": [None, b"two"]}), path)
    with pytest.raises(UserError, match="row 2, is no document"):
        list(read_documents([path]))
    parquet.write_table(pyarrow.table({"id": [1]}), path)
    with pytest.raises(UserError, match="no column text"):
        list(read_documents([path]))
    path.write_bytes(b"no parquet")
    with pytest.raises(UserError, match="can't be read as parquet"):
        list(read_documents([path]))


def test_parquet_without_pyarrow_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").touch()
    with pytest.raises(UserError, match=r"needs pyarrow.*pip install 'brainsurg\[data\]'"):
        list(read_documents([tmp_path / "a.parquet"]))


@settings(max_examples=50, deadline=None)
@given(prompts=st.lists(st.text(min_size=1).filter(str.strip), min_size=1))
def test_any_prompt_survives_json(tmp_path_factory, prompts):
    folder = tmp_path_factory.mktemp("prompts")
    (folder / "a.json").write_text(json.dumps(prompts))
    (folder / "a.jsonl").write_text(
        "".join(json.dumps({"prompt": prompt}, ensure_ascii=False) + "\n" for prompt in prompts),
        newline="",
    )
    expected = [Prompt(prompt) for prompt in prompts]
    assert read_prompts(folder / "a.json") == read_prompts(folder / "a.jsonl") == expected


def test_what_cannot_be_read_is_left_out_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "one"}\n{broken\n"two"\n"\xff"\n{"text": 5}')
    (tmp_path / "b.json").write_text('["three", 4, null, "five"]')
    (tmp_path / "c.txt").write_bytes(b"six\nmore\n\nbad \xff\nline\n\nseven")
    left_out = []
    reader = read_documents([tmp_path], left_out=left_out.append)
    shares = [(text, round(reader.share, 2)) for text in reader]
    assert [text for text, _ in shares] == ["one", "two", "three", "five", "six\nmore", "seven"]
    assert [share for _, share in shares] == sorted(share for _, share in shares)
    assert shares[-1][1] == 1
    assert [str(error.what).removeprefix(str(tmp_path)) for error in left_out] == [
        "/a.jsonl, line 2, is not JSON: Expecting property name enclosed in double quotes "
        "(column 2).",
        "/a.jsonl, line 4, is not UTF-8 text.",
        "/a.jsonl, line 5, is no document: Expected `str`, got `int` - at `$.text`.",
        "/b.json, entry 2, is no document: Expected `object`, got `int`.",
        "/c.txt, line 4, is not UTF-8 text.",
    ]


def test_a_file_in_which_much_cannot_be_read_is_refused_all_the_same(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('"good"\n' * 80 + "{bad\n" * 11)
    with pytest.raises(UserError, match=r"11 of the first 91 documents can't be read.*line 91"):
        list(read_documents([path], left_out=lambda _: None))
