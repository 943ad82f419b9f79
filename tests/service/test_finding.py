"""Finding features from texts, from features and in documents: real processes, as a user types."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import torch

from engine.activations.store.activation_set import ActivationSet
from engine.errors import UserError
from engine.model.load import load_model
from engine.model.observe import observe
from engine.model.site import Site
from engine.model.text import encode
from engine.sae.formats.store import load_sae
from engine.service import protocol as p
from engine.service.client import Client, connect
from tests.service.real_engine import done
from tests.service.runner import Runner

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "There was a dog named 7."


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def saes(root: Path, tiny_llama_path: Path) -> AsyncIterator[None]:
    """The SAEs `r1` and `r0` of two sites; the former is scanned, and a feature has a label."""
    prompts = [p.Prompt(prompt=f"There was a dog named {i}.") for i in range(20)]
    model, sites = str(tiny_llama_path), ["resid_post.1", "resid_post.0"]
    specs: list[p.JobSpec] = [
        p.Capture(name="short", model=model, sites=sites, prompts=prompts),
        *(
            p.Train(name=f"r{i}", activations=f"short.{site}", width=64, k=4, tokens=1000, batch=64)
            for i, site in ((1, sites[0]), (0, sites[1]))
        ),
        p.Scan(sae="r1"),
    ]
    async with await connect(root) as client:
        for spec in specs:
            await done(client, spec)
    yield


@pytest.fixture(scope="module")
def codes(root: Path, tiny_llama_path: Path) -> torch.Tensor:
    """[tokens, features] of `r1` on `TEXT`."""
    lm, site = load_model(str(tiny_llama_path), device="cpu"), Site("resid_post", 1)
    sae, _ = load_sae(root / "saes" / "r1", torch.device("cpu"))
    return sae.encode(observe(lm, encode(lm, TEXT)[None], [site])[site][0]).detach()


async def test_what_fires_comes_with_labels(client: Client, codes: torch.Tensor) -> None:
    strongest = int(codes.amax(0).argmax())
    await client.ask(p.LabelFeature(sae="r1", feature=strongest, text="loudest"))
    heard = []
    found = await client.ask(p.FindFiring(sae="r1", prompt=TEXT, ablate=3, most=99), heard.append)
    assert {f.id for f in found.features} == set(codes.amax(0).nonzero()[:, 0].tolist())
    assert {f.label for f in found.features if f.id != strongest} == {""}
    (feature,) = (f for f in found.features if f.id == strongest)
    assert feature.label == "loudest"
    assert feature.activations == pytest.approx(codes[:, strongest].tolist(), abs=1e-4)
    assert sum(f.effect is not None for f in found.features) == 3
    assert "ablate" in {body.phase for body in heard if isinstance(body, p.Progressed)}


async def test_a_contrast_of_a_text_with_a_file(
    client: Client, codes: torch.Tensor, tmp_path: Path
) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text('{"prompt": "x"}\n{"prompt": "yz"}\n')
    a, b = p.TextSource(text=TEXT), p.TextSource(file=str(file))
    found = await client.ask(p.FindContrast(sae="r1", a=a, b=b, most=99))
    assert (found.tokens_a, found.tokens_b) == (len(TEXT), 3)
    for feature in found.features:
        assert feature.mean_a == pytest.approx(codes[:, feature.id].mean().item(), abs=1e-4)
    assert "loudest" in {feature.label for feature in found.features}
    for wrong in (p.TextSource(), p.TextSource(text="x", file="y")):
        with pytest.raises(UserError, match="a text or a file"):
            await client.ask(p.FindContrast(sae="r1", a=a, b=wrong))
    assert (found.documents_a, found.documents_b, found.tested) == (1, 2, 0)
    other = tmp_path / "corpus.txt"
    other.write_text("Once upon a time\n\nthere was a dog\n\nwho ran")
    sides = {"a": p.TextSource(file=str(other)), "b": b}
    found = await client.ask(p.FindContrast(sae="r1", **sides, permutations=99))
    assert (found.documents_a, found.tested > 0) == (3, True)
    assert all(f.p is not None and f.q >= f.p >= 0.01 for f in found.features)
    assert (await client.ask(p.FindContrast(sae="r1", **sides, permutations=0))).tested == 0


async def test_relatives_in_two_saes(client: Client) -> None:
    await client.ask(p.LabelFeature(sae="r0", feature=5, text="five of r0"))
    own = await client.ask(p.GetNearest(sae="r1", feature=5, most=99))
    assert 5 not in {relative.id for relative in own.relatives}
    assert (len(own.relatives), own.warnings) == (63, [])
    assert await client.ask(p.GetNearest(sae="r1", feature=5, other="r1", most=99)) == own
    others = await client.ask(p.GetNearest(sae="r1", feature=5, other="r0", most=99))
    assert {relative.label for relative in others.relatives if relative.id == 5} == {"five of r0"}
    assert ["resid_post.1" in warning for warning in others.warnings] == [True]
    with pytest.raises(UserError, match="no SAE 'nothing'"):
        await client.ask(p.GetNearest(sae="r1", feature=5, other="nothing"))


async def test_a_document_as_long_as_its_set_is_there(
    client: Client, root: Path, codes: torch.Tensor
) -> None:
    strongest = int(codes.amax(0).argmax())
    question = p.GetDocument(sae="r1", feature=strongest, document=7)
    found = await client.ask(question)
    assert found.text == TEXT
    assert found.activations == pytest.approx(codes[:, strongest].tolist(), abs=1e-4)
    with pytest.raises(UserError, match="no document 20"):
        await client.ask(p.GetDocument(sae="r1", feature=0, document=20))
    with pytest.raises(UserError, match="has not been scanned"):
        await client.ask(p.GetDocument(sae="r0", feature=0, document=0))
    folder = root / "activations" / "short.resid_post.1"
    assert len(ActivationSet.open(folder)) == 20 * len(TEXT) + 10
    shutil.move(folder, folder.with_name("elsewhere"))
    with pytest.raises(UserError, match="on which r1 was scanned, has been deleted"):
        await client.ask(question)
    shutil.move(folder.with_name("elsewhere"), folder)


async def test_the_commands_tell_what_the_engine_answers(client: Client, root: Path) -> None:
    brainsurg = Runner(root)
    words = ("find", "r1", "--prompt", TEXT)
    found = await asyncio.to_thread(brainsurg.json, *words, "--ablate", 2, "--top", 3)
    told = await client.ask(p.FindFiring(sae="r1", prompt=TEXT, ablate=2, most=3))
    assert [f["id"] for f in found["features"]] == [f.id for f in told.features]
    assert (found["target"], found["active"]) == (told.target, told.active)
    shown = await asyncio.to_thread(brainsurg.shows, *words, "--by", "activation")
    assert "loudest" in shown.splitlines()[2]

    words = ("contrast", "r1", "--a", TEXT, "--b", "xyz")
    found = await asyncio.to_thread(brainsurg.json, *words, "--top", 2)
    assert (found["tokens_a"], found["tokens_b"], len(found["features"])) == (len(TEXT), 3, 2)
    shown = await asyncio.to_thread(brainsurg.shows, *words)
    assert f"{len(TEXT)} tokens in a, 3 in b" in shown
    assert "chance" not in shown
    file = root / "three.txt"
    file.write_text("a dog ran\n\na cat ran\n\nit is so")
    words = ("contrast", "r1", "--a-file", file, "--b-file", file, "--permutations", 50)
    shown = await asyncio.to_thread(brainsurg.shows, *words)
    assert "(3 texts)" in shown
    assert "0 of" in shown
    words = ("contrast", "r1", "--a", TEXT, "--b-file", file)
    assert "No p: that takes several texts" in await asyncio.to_thread(brainsurg.shows, *words)

    found = await asyncio.to_thread(brainsurg.json, "nearest", "r1", 5, "--top", 4)
    told = await client.ask(p.GetNearest(sae="r1", feature=5, most=4))
    assert [f["id"] for f in found["relatives"]] == [f.id for f in told.relatives]
    words = ("nearest", "r1", 5, "--other", "r0", "--top", 63)
    assert "resid_post.0" in await asyncio.to_thread(brainsurg.shows, *words)


async def test_a_probe_of_labelled_texts(root: Path, client: Client) -> None:
    file = root / "labelled.tsv"
    rows = [f"the {who} ran {n}\t{who}" for who in ("dog", "cat") for n in range(9)]
    file.write_text("\n".join(["text\tlabel", *rows, "no label\t"]))
    brainsurg = Runner(root)
    words = ("probe", "r1", "--texts", file, "--splits", 2, "--nulls", 1, "--top", 3)
    found = await asyncio.to_thread(brainsurg.json, *words, "--pool", "max")
    assert [each["texts"] for each in found["labels"]] == [9, 9]
    assert (found["pool"], found["left_out"], found["splits"]) == ("max", 1, 2)
    assert [probe["k"] for probe in found["curve"]][:3] == [1, 2, 5]
    assert {"mean", "sd"} == found["raw"]["held_out"]["auc"].keys()
    shown = await asyncio.to_thread(brainsurg.shows, *words)
    assert "18 texts (cat 9, dog 9)" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert [line for line in shown.splitlines() if "activations, logistic" in line]
    (job, _) = (await client.ask(p.ListJobs())).jobs[-2:]
    assert isinstance(job.result, p.ProbeResult)


async def test_what_is_asked_wrongly_is_said_in_a_sentence(root: Path) -> None:
    for words, status, complaint in (
        (["find", "r1", "--prompt", "x", "--target", "two"], 1, "reads it as 't' + 'w' + 'o'"),
        (["find", "nothing", "--prompt", "x"], 1, "no SAE 'nothing'"),
        (["find", "r1", "--prompt", "x", "--top", "0"], 2, "--top"),
        (["contrast", "r1", "--a", "x"], 2, "either --b or --b-file"),
        (["contrast", "r1", "--a", "x", "--b-file", "none.txt"], 1, "There is no file"),
        (["nearest", "r1", "64"], 1, "no feature 64"),
        (["probe", "r1", "--texts", "none.csv"], 1, "There is no file"),
        (["probe", "r1"], 2, "--texts"),
    ):
        assert complaint in await asyncio.to_thread(Runner(root).fails, *words, status=status)
