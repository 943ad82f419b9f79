"""Which activations an SAE may be joined with."""

import pytest

from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.provenance import (
    Provenance,
    check_provenance,
    input_provenance,
    output_provenance,
)

WANTED = Provenance(model="m", site="resid_pre.2", width=8, revision="a")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Provenance("m", "mlp_out.2", 8), "s reads resid_pre.2, and set was captured at mlp_out.2"),
        (Provenance("m", "resid_post.2", 8), "captured at resid_post.2. Capture resid_pre.2"),
        (Provenance("", "resid_pre.3", 8), "captured at resid_pre.3"),
        (Provenance("m", "resid_pre.2", 9), "8 wide, and those of set are 9 wide"),
        (Provenance("", "", 9), "9 wide"),
    ],
)
def test_others_than_it_reads_are_refused(found: Provenance, said: str) -> None:
    with pytest.raises(UserError) as refused:
        check_provenance("s", WANTED, "set", found)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Provenance("m", "resid_pre.2", 8, "a"), []),
        (Provenance("m", "resid_pre.2"), []),
        (Provenance("m", "resid_post.1", 8, "a"), []),  # what leaves a layer enters the next
        (Provenance("", "resid_pre.2", 8), ["which model it is of"]),
        (Provenance("m", "", 8), ["which site it is of"]),
        (Provenance("", "", 8), ["which model and which site it is of. s reads m at resid_pre.2"]),
        (Provenance("/x/m", "resid_pre.2", 8), ["trained on activations of m, and set holds"]),
        (Provenance("m", "resid_pre.2", 8, "b"), ["revision a of m"]),
    ],
)
def test_what_may_be_right_is_allowed_with_a_note(found: Provenance, said: list[str]) -> None:
    notes = check_provenance("s", WANTED, "set", found)
    assert len(notes) == len(said)
    assert all(part in note for part, note in zip(said, notes, strict=True))
    assert check_provenance("s", Provenance(), "set", found) == []


def test_a_transcoder_predicts_its_target_site() -> None:
    config = SAEConfig(architecture="topk", d_in=8, d_sae=16, k=2, d_out=4)
    about = SAEMetadata(model="m", site="resid_pre.2", target_site="mlp_out.2")
    assert input_provenance(config, about) == Provenance("m", "resid_pre.2", 8)
    assert output_provenance(config, about) == Provenance("m", "mlp_out.2", 4)
    with pytest.raises(UserError, match=r"t predicts mlp_out\.2, and set was captured at resid"):
        found = Provenance("m", "resid_pre.2", 4)
        check_provenance("t", output_provenance(config, about), "set", found, does="predicts")
