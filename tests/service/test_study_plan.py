"""What a study of a model captures and trains, and what of it goes on where it was interrupted."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.progress import run_or_resume
from brainsurg_tui.commands.study_plan import (
    CORPUS_TOKENS,
    Plan,
    Subject,
    Wishes,
    check_files_are_of_set,
    check_is_planned,
    name_of,
    plan,
)
from engine.errors import UserError
from engine.service import protocol as p

PROMPTS = [p.SavedPrompt(id=1, prompt="Once", category="story"), p.SavedPrompt(id=2, prompt="Why?")]


def planned(subject: dict[str, Any] | None = None, **wishes: Any) -> Plan:
    of = {"model": "/models/x", "site": "resid_post.3", "width": 576, "chat_template": "default"}
    usual = {"preset": "recommended", "name": "x", "texts": [], "max_tokens": None}
    return plan(
        Wishes(**usual | wishes),
        Subject(**of | (subject or {})),
        PROMPTS,
        Common(workspace=Path("/ws"), seed=3),
    )


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("demo", "demo"),
        ("/models/SmolLM2-135M/", "SmolLM2-135M"),
        ("/m/Model.Q4_1.gguf", "Model.Q4_1"),
        ("google/gemma-3-1b-it", "gemma-3-1b-it"),
        ("/m/a model (2)", "a-model-2"),
        ("/", "study"),
    ],
)
def test_a_study_is_called_as_its_model(model: str, name: str) -> None:
    assert name_of(model) == name


def test_an_instruct_model_answers_the_prompts() -> None:
    study = planned()
    assert (study.prompts.chat, study.prompts.chat_template) == (True, "default")
    assert [prompt.prompt for prompt in study.prompts.prompts] == ["Once", "Why?"]
    assert study.prompts.generate > 0
    assert not planned({"chat_template": ""}).prompts.chat
    assert study.files == "/ws/studies/x/activations"


def test_a_corpus_is_trained_on_that_is_named_or_written() -> None:
    study = planned(texts=[Path("/t/a.txt")], max_tokens=500)
    assert study.corpus is not None
    assert (study.corpus.texts, study.corpus.max_tokens) == (["/t/a.txt"], 500)
    assert study.corpus.demo_documents == 0
    written = planned().corpus
    assert written is not None
    assert (written.demo_documents > 0, written.max_tokens) == (True, CORPUS_TOKENS)
    (train,) = study.trains
    assert (train.activations, train.width, train.k) == (study.corpus.name, 4096, 32)
    assert {train.seed, study.corpus.seed, study.prompts.seed} == {3}


def test_the_seeds_preset_trains_on_the_prompts_and_warns() -> None:
    study = planned(preset="seed")
    assert study.corpus is None
    assert study.trained_on is study.prompts
    assert [train.name for train in study.trains] == ["x-seed-basic", "x-seed-optimised"]
    assert {train.width for train in study.trains} == {round(24_576 / 1_152 * 576)}
    assert "memorisation" in study.warning
    own = planned({"model": "demo"}, preset="seed", name="demo")
    assert (own.prompts.name, own.trains[0].name) == ("seed-prompts", "seed-basic")


def test_files_of_prompts_captured_before_are_not_taken_for_those_of_the_set(
    tmp_path: Path,
) -> None:
    study = msgspec.structs.replace(planned(), files=str(tmp_path / "files"))
    check_files_are_of_set(study, [])
    (tmp_path / "files").mkdir()
    check_files_are_of_set(study, [study.prompts.name])
    with pytest.raises(UserError, match=r"files of an earlier capture.*--name"):
        check_files_are_of_set(study, ["another"])


def test_a_set_of_another_model_is_not_taken_for_the_studys() -> None:
    study = planned()
    info = p.ActivationsInfo(
        name="x-prompts",
        model="/models/x",
        site="resid_post.3",
        d_model=576,
        tokens=9,
        documents=1,
        dtype="float32",
        bytes=1,
        origin="",
    )
    check_is_planned(info, study.prompts)
    with pytest.raises(UserError, match=r"x-prompts already, of other at resid_post\.3\..*--name"):
        check_is_planned(msgspec.structs.replace(info, model="other"), study.prompts)


class FakeClient:
    """Answers as an engine does that has one job."""

    def __init__(self, job: p.JobInfo) -> None:
        self.job = job
        self.asked: list[p.Request[Any]] = []

    async def ask(self, request: p.Request[Any]) -> Any:
        self.asked.append(request)
        done = p.StateChanged(state=p.DONE)
        match request:
            case p.ListJobs():
                return p.JobList([self.job])
            case p.GetEvents():
                return p.EventList([p.Event(seq=1, job=self.job.id, time=0.0, body=done)])
            case p.Submit(spec=spec):
                return p.JobInfo(id=2, spec=spec, state=p.QUEUED, created=0.0)
            case p.ResumeJob(id=id):
                return msgspec.structs.replace(self.job, id=id, state=p.QUEUED)
            case p.GetJob():
                result = p.ScanResult(
                    sae="s",
                    activations="a",
                    features=1,
                    tokens=1,
                    alive=1,
                    seconds=1.0,
                    tokens_per_second=1.0,
                )
                return msgspec.structs.replace(self.job, state=p.DONE, result=result)
        return p.Done()


@pytest.mark.parametrize(
    ("state", "then", "goes_on"),
    [
        (p.CANCELLED, p.Scan(sae="s"), True),
        (p.FAILED, p.Scan(sae="s"), True),
        (p.DONE, p.Scan(sae="s"), False),
        (p.CANCELLED, p.Scan(sae="s", top_k=3), False),
        (p.CANCELLED, p.Scan(sae="other"), False),
    ],
)
async def test_what_was_interrupted_goes_on(state: str, then: p.Scan, goes_on: bool) -> None:
    client: Any = FakeClient(p.JobInfo(id=1, spec=p.Scan(sae="s"), state=state, created=0.0))
    result = await run_or_resume(client, then)
    assert isinstance(result, p.ScanResult)
    kinds = {type(request) for request in client.asked}
    assert (p.ResumeJob in kinds, p.Submit in kinds) == (goes_on, not goes_on)
