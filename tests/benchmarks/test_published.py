"""The table of published autoencoders: many alike become one pattern, and no other comes of it."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.published.patterns import Entry, patterns
from benchmarks.published.releases import is_taken, site_kinds
from engine.sae.published.table import Release, saes_of


def expanded(entries: list[Entry]) -> dict[str, tuple[str, float | None, int | None]]:
    release = Release(
        name="r",
        repository="o/n",
        model="m",
        format="sparsify",
        source=0,
        saes=[
            type(pattern)(
                **{
                    name: "resid_post" if name == "site" else getattr(pattern, name)
                    for name in pattern.__struct_fields__
                }
            )
            for pattern in patterns(entries)
        ],
    )
    return {sae.id: (sae.path, sae.l0, sae.layer) for sae in saes_of(release)}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 12),
            st.sampled_from(["16k", "65k", "262k"]),
            st.sampled_from(["small", "big", "big_affine"]),
            st.integers(1, 99),
        ),
        min_size=1,
        max_size=40,
        unique_by=lambda row: row[:3],
    )
)
def test_patterns_stand_for_their_entries_and_for_no_others(
    rows: list[tuple[int, str, str, int]],
) -> None:
    entries = [
        Entry(f"layer_{layer}/width_{width}/{kind}", f"l{layer}_{kind}/w{width}_l0_{l0}", l0)
        for layer, width, kind, l0 in rows
    ]
    found = expanded(entries)
    assert {id: path for id, (path, _, _) in found.items()} == {e.id: e.path for e in entries}
    assert all(l0 in (None, e.l0) for e in entries for l0 in [found[e.id][1]])
    assert all(found[e.id][2] == layer for e, (layer, *_) in zip(entries, rows, strict=True))


def test_a_layer_is_told_by_id_or_path() -> None:
    for id, path, layer in (
        ("blocks.8.hook_resid_pre_768", "any", 8),
        ("layer0", "layer0.sae.pt", 0),
        ("l31r_32x", "Llama3_1-8B-Base-L31R-32x", 31),
        ("layer_50", "Llama-3.3-70B-Instruct-SAE-l50.pt", 50),
        ("only", "2-res_sce-ajt", 2),
        ("none", "none", None),
    ):
        assert expanded([Entry(id, path, None)])[id][2] == layer


def test_what_can_not_be_read_is_not_taken() -> None:
    hook = {"id": "blocks.3.hook_resid_post", "path": "a"}
    told = {"repo_id": "o/n", "model": "m", "saes": [hook]}
    assert is_taken("any", told)
    assert not is_taken("any", told | {"conversion_func": "temporal"})
    assert not is_taken("any", told | {"saes": [{"id": "blocks.3.hook_resid_mid", "path": "a"}]})
    assert not is_taken("gemma-scope-2b-pt-res", told)
    scope = {"conversion_func": "gemma_3", "repo_id": "google/gemma-scope-2-1b-pt"}
    for path, kinds in (
        ("attn_out_all/layer_3", ("attn_z", "")),
        ("transcoder/layer_3", ("mlp_in", "mlp_out")),
        ("clt/width_16k", ("", "")),
    ):
        assert site_kinds(scope | {"saes": [{"id": "x", "path": path}]}, "x") == kinds
