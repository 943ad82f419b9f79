"""The seed's format, both ways, in every shape that its metadata comes in."""

import contextlib
import json
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.activations.batches.stored import split_documents
from engine.activations.seed.format import (
    SeedFile,
    export_seed_activations,
    import_seed_activations,
)
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import read_documents_table, read_manifest
from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.progress import SILENT, Silent

ROWS = [4, 2, 3]


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def seed_folder(path, metadata=None, rows=ROWS, d_model=5, dtype=torch.float32):
    """Write `activations_i.pt`, each of ones times i, and the metadata."""
    path.mkdir()
    for number, tokens in enumerate(rows):
        acts = torch.full((tokens, d_model), float(number), dtype=dtype)
        torch.save(acts, path / f"activations_{number}.pt")
    if metadata is not None:
        (path / "metadata.json").write_text(json.dumps(metadata))
    return path


def imported(folder, tmp_path):
    """What stands in the set after an import: (prompt, category, generated, tokens) a document."""
    target = tmp_path / "set"
    import_seed_activations(folder, target)
    table = TokenTable.open(target)
    documents = read_documents_table(target)
    return [
        (
            document.text,
            document.category,
            document.generated,
            [
                table.text(i)
                for i in table.token_ids(document.start, document.start + document.tokens)
            ],
        )
        for document in documents
    ]


STRINGS = [["On", "ce", " up", "on"], ["Hi", "!"], ["a", " b", "a"]]
PROMPTS = ["Once", "Hi", "a"]
GENERATED = [" upon", "!", " ba"]
PLAIN = list(zip(PROMPTS, [""] * 3, GENERATED, STRINGS, strict=True))
OBJECTS = [
    {"prompt": prompt, "tokens": tokens, "generated_text": prompt + generated}
    for prompt, tokens, generated in zip(PROMPTS, STRINGS, GENERATED, strict=True)
]


@pytest.mark.parametrize(
    "metadata",
    [
        OBJECTS,
        {"prompts": OBJECTS, "model": "google/gemma-3-1b-it"},
        {f"activations_{i}.pt": entry for i, entry in enumerate(OBJECTS)},
        {str(i): entry for i, entry in reversed(list(enumerate(OBJECTS)))},
        {"prompts": PROMPTS, "tokens": STRINGS, "generated_texts": GENERATED, "layer": 13},
        [entry | {"file": f"activations_{i}.pt"} for i, entry in enumerate(OBJECTS)][::-1],
        [entry | {"tokens": [entry["tokens"]], "category": None} for entry in OBJECTS],
        [entry | {"generated_text": g} for entry, g in zip(OBJECTS, GENERATED, strict=True)],
    ],
    ids=[
        "list of objects",
        "wrapped list",
        "by file",
        "by number",
        "object of lists",
        "own file names",
        "batches of one",
        "continuation alone",
    ],
)
def test_the_same_metadata_in_every_shape(tmp_path, metadata):
    assert imported(seed_folder(tmp_path / "seed", metadata), tmp_path) == PLAIN


def test_model_and_site_are_taken_over(tmp_path):
    metadata = {"prompts": OBJECTS, "model": "google/gemma-3-1b-it", "site": "resid_post.13"}
    import_seed_activations(seed_folder(tmp_path / "seed", metadata), tmp_path / "set")
    manifest = read_manifest(tmp_path / "set")
    assert (manifest.model, manifest.site) == ("google/gemma-3-1b-it", "resid_post.13")
    assert manifest.tokenizer == ""  # the ids are the set's own: there were only strings


def test_token_ids_are_kept_and_made_readable(tmp_path):
    ids = [[5, 9, 2, 3], [7, 1], [0, 4, 0]]
    metadata = {"prompts": PROMPTS, "tokens": STRINGS, "token_ids": ids, "model": "m"}
    folder = seed_folder(tmp_path / "seed", metadata)
    assert [row[3] for row in imported(folder, tmp_path)] == STRINGS
    table = TokenTable.open(tmp_path / "set")
    assert table.token_ids(0, 9).tolist() == [5, 9, 2, 3, 7, 1, 0, 4, 0]
    assert table.manifest.tokenizer == "m"


def test_bare_token_ids_are_spelled_out(tmp_path):
    metadata = [{"tokens": [5, 9, 2, 3]}, {"tokens": [[7, 1]]}, {"input_ids": [0, 4, 0]}]
    rows = imported(seed_folder(tmp_path / "seed", metadata), tmp_path)
    assert [row[3] for row in rows] == [
        ["<5>", "<9>", "<2>", "<3>"],
        ["<7>", "<1>"],
        ["<0>", "<4>", "<0>"],
    ]


def test_counted_and_unknown_tokens_are_known_by_their_places(tmp_path):
    metadata = [{"prompt": "a", "tokens": 4}, "b", {}]
    rows = imported(seed_folder(tmp_path / "seed", metadata), tmp_path)
    assert [row[0] for row in rows] == ["a", "b", ""]
    assert [row[3] for row in rows] == [
        ["[0]", "[1]", "[2]", "[3]"],
        ["[0]", "[1]"],
        ["[0]", "[1]", "[2]"],
    ]


def test_a_single_file_may_have_a_single_object(tmp_path):
    folder = seed_folder(tmp_path / "seed", OBJECTS[0], rows=[4])
    assert imported(folder, tmp_path) == PLAIN[:1]


def test_without_metadata_the_vectors_are_still_read(tmp_path):
    notes = []
    progress = SILENT
    progress.note = notes.append
    import_seed_activations(seed_folder(tmp_path / "seed"), tmp_path / "set", progress=progress)
    assert len(ActivationSet.open(tmp_path / "set")) == 9
    assert "no metadata.json" in notes[0]


def test_files_are_taken_in_the_order_of_their_numbers(tmp_path):
    rows = [1] * 12
    folder = seed_folder(tmp_path / "seed", [{"prompt": str(i)} for i in range(12)], rows)
    files = import_seed_activations(folder, tmp_path / "set")

    assert [file.file for file in files] == [f"activations_{i}.pt" for i in range(12)]
    acts = ActivationSet.open(tmp_path / "set")
    assert acts.rows(torch.arange(12))[:, 0].tolist() == list(range(12))
    assert [d.text for d in read_documents_table(tmp_path / "set")] == [str(i) for i in range(12)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_export_and_import_give_the_same_set(written, tmp_path, dtype):
    made = written([5, 1, 13], rows_per_shard=4, dtype=dtype)
    acts = ActivationSet.open(made.folder)
    files = export_seed_activations(acts, tmp_path / "seed")

    assert files == [SeedFile(f"activations_{i}.pt", [n, 6]) for i, n in enumerate((5, 1, 13))]
    loaded = torch.load(tmp_path / "seed" / "activations_2.pt", weights_only=True)
    assert torch.equal(loaded, made.acts[6:])
    size = (tmp_path / "seed" / "activations_1.pt").stat().st_size
    assert size < 4096  # one row, not the storage it was a view of

    assert import_seed_activations(tmp_path / "seed", tmp_path / "back") == files
    back = ActivationSet.open(tmp_path / "back", verify=True)
    assert torch.equal(back.rows(torch.arange(19)), made.acts)
    assert read_documents_table(tmp_path / "back") == read_documents_table(made.folder)
    tables = TokenTable.open(made.folder), TokenTable.open(tmp_path / "back")
    ids = tables[0].token_ids(0, 19).tolist()
    assert tables[1].token_ids(0, 19).tolist() == ids
    assert [tables[1].text(i) for i in ids] == [tables[0].text(i) for i in ids]
    assert back.manifest.model == acts.manifest.model
    assert back.manifest.site == acts.manifest.site


def test_exported_metadata_holds_prompt_tokens_and_generated_text(written, tmp_path):
    made = written([2])
    export_seed_activations(ActivationSet.open(made.folder), tmp_path / "seed")
    (entry,) = json.loads((tmp_path / "seed" / "metadata.json").read_text())
    assert entry["prompt"] == "text 0"
    assert entry["tokens"] == [f" t{i}" for i in made.token_ids.tolist()]
    assert entry["generated_text"] == "text 0 and 0"


def test_an_existing_folder_is_not_exported_into(written, tmp_path):
    (tmp_path / "seed").mkdir()
    with pytest.raises(UserError, match="already there"):
        export_seed_activations(ActivationSet.open(written([2]).folder), tmp_path / "seed")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("save", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_a_file_that_carries_code_is_refused_and_not_run(tmp_path, save):
    folder = seed_folder(tmp_path / "seed", [{}, {}, {}])
    trace = tmp_path / "the-code-has-run"
    save(Bomb(trace), folder / "activations_1.pt")
    with pytest.raises(UserError, match=r"activations_1\.pt was not opened.*carry code") as refused:
        import_seed_activations(folder, tmp_path / "set")
    assert "\n" not in str(refused.value)
    assert not trace.exists()
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_damaged_files_are_named(tmp_path, damage):
    folder = seed_folder(tmp_path / "seed", [{}, {}, {}])
    path = folder / "activations_2.pt"
    path.write_bytes(path.read_bytes()[:300] if damage is None else damage)
    with pytest.raises(UserError, match=r"activations_2\.pt"):
        import_seed_activations(folder, tmp_path / "set")


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=40, deadline=None)
@given(data=st.data(), legacy=st.booleans())
def test_flipped_bytes_are_read_or_refused_but_never_crash(tmp_path_factory, data, legacy):
    folder = tmp_path_factory.mktemp("flipped")
    path = folder / "activations_0.pt"
    torch.save(torch.ones(4, 5), path, _use_new_zipfile_serialization=not legacy)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, min(len(content), 900) - 1))
    content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(UserError):
        import_seed_activations(folder, folder / "set")
        assert len(ActivationSet.open(folder / "set")) > 0


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (torch.zeros(2, 6), r"activations_1\.pt holds activations of width 6.*width 5"),
        (torch.zeros(2, 5).half(), "float16, but"),
        (torch.zeros(3, 5), r"activations_1\.pt has 3 rows, but .* 2 tokens"),
        (torch.zeros(2, 5, dtype=torch.int64), "int64 tensor"),
        (torch.zeros(10), "shape"),
        (torch.zeros(2, 2, 5), "shape"),
        ({"activations": torch.zeros(2, 5)}, "holds a dict"),
        (torch.eye(5)[:2].to_sparse(), "not activations of shape"),
    ],
)
def test_activations_that_do_not_fit_are_refused(tmp_path, second, sentence):
    folder = seed_folder(tmp_path / "seed", OBJECTS)
    torch.save(second, folder / "activations_1.pt")
    with pytest.raises(UserError, match=sentence):
        import_seed_activations(folder, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_what_is_not_finite_is_taken_counted_and_told(tmp_path):
    folder = seed_folder(tmp_path / "seed", OBJECTS)
    broken = torch.load(folder / "activations_1.pt")
    broken[0, 2] = float("nan")
    torch.save(broken, folder / "activations_1.pt")
    told = Told()
    import_seed_activations(folder, tmp_path / "set", progress=told)
    assert any("1 holds NaN or infinity" in note for note in told.notes)
    acts = ActivationSet.open(tmp_path / "set")
    assert acts.measure_rows().summary.counts.nonfinite == 1
    train_rows, _ = split_documents(acts, 0.0, 0)
    assert len(train_rows) == len(acts) - 1
    assert acts.rows(train_rows).isfinite().all()


class Told(Silent):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.mark.parametrize("like", [lambda x: x[None], lambda x: x.double(), torch.nn.Parameter])
def test_unambiguous_tensors_are_taken(tmp_path, like):
    folder = seed_folder(tmp_path / "seed", OBJECTS)
    for number in range(3):
        path = folder / f"activations_{number}.pt"
        torch.save(like(torch.load(path)), path)
    assert imported(folder, tmp_path) == PLAIN
    assert read_manifest(tmp_path / "set").dtype == "float32"


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ([{}, {}], "describes 2 files, but there are 3"),
        ({"prompts": ["a", "b"], "tokens": STRINGS}, "differ in length"),
        ([{"prompt": 5}, {}, {}], "entry 0, can't be understood"),
        ([{"tokens": "On ce"}, {}, {}], "entry 0, can't be understood"),
        ([{"tokens": [1, "a", 2, 3]}, {}, {}], "entry 0, can't be understood"),
        ([{"token_ids": [1, -2, 2, 3]}, {}, {}], "entry 0, can't be understood"),
        ([{"token_ids": [1, 2**31, 2, 3]}, {}, {}], "entry 0, can't be understood"),
        ([{"tokens": 5}, {}, {}], "4 rows, but metadata.json gives it 5 tokens"),
        ([1, 2, 3], "neither an object nor a prompt"),
        ("text", "neither a list nor an object"),
        ({"first": {}, "second": {}, "third": {}}, "names no activation file"),
        ([{"file": f"activations_{i}.pt"} for i in (0, 1, 5)], r"nothing about activations_2\.pt"),
        ([{"prompt": "\ud800"}, {}, {}], "lone surrogate"),
    ],
)
def test_metadata_that_contradicts_itself_is_refused(tmp_path, metadata, sentence):
    with pytest.raises(UserError, match=sentence):
        import_seed_activations(seed_folder(tmp_path / "seed", metadata), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_metadata_that_is_no_json_is_named_with_its_line(tmp_path):
    folder = seed_folder(tmp_path / "seed")
    (folder / "metadata.json").write_text("[{},\n{},\n{]")
    with pytest.raises(UserError, match=r"metadata\.json, line 3, is not JSON"):
        import_seed_activations(folder, tmp_path / "set")


def test_folders_without_activations_are_refused(tmp_path):
    with pytest.raises(UserError, match="no folder"):
        import_seed_activations(tmp_path / "nowhere", tmp_path / "set")
    with pytest.raises(UserError, match="holds no activations"):
        import_seed_activations(tmp_path, tmp_path / "set")
