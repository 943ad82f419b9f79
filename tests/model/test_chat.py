"""Chat templates: several of them, system's messages, several turns, answers that were begun."""

from pathlib import Path

import pytest

from engine.errors import UserError
from engine.model.chat import chat_note, chat_templates, chat_text, template_of_prompts
from engine.model.load import LanguageModel, load_model
from engine.model.prompt import Chat, Message, Prompt, chat_choice, prompt_of_messages
from engine.model.text import decode, encode

SIMPLE = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
TURNS = [Message("user", "2+2?"), Message("assistant", "4"), Message("user", "And 3+3?")]


@pytest.fixture
def lm(tiny_llama_path: Path) -> LanguageModel:
    lm = load_model(str(tiny_llama_path), device="cpu")
    lm.tokenizer.chat_template = SIMPLE
    return lm


def said(lm: LanguageModel, prompt: str | Prompt, chat: Chat | bool = True) -> str:
    return decode(lm, encode(lm, prompt, chat=chat))


def test_a_plain_prompt_is_the_users_message(lm: LanguageModel) -> None:
    assert said(lm, "Hi") == said(lm, Prompt("Hi")) == "[user]Hi[assistant]"
    assert said(lm, "Hi", False) == "Hi"


def test_the_system_speaks_first(lm: LanguageModel) -> None:
    assert said(lm, "Hi", Chat(system="Be brief.")) == "[system]Be brief.[user]Hi[assistant]"


def test_several_turns_go_into_the_template_without_being_asked(lm: LanguageModel) -> None:
    prompt = prompt_of_messages(TURNS, "sum")
    assert (prompt.prompt, prompt.category) == ("And 3+3?", "sum")
    expected = "[user]2+2?[assistant]4[user]And 3+3?[assistant]"
    assert said(lm, prompt, False) == said(lm, prompt) == expected
    assert said(lm, prompt, Chat(system="Sums.")) == f"[system]Sums.{expected}"
    own = prompt_of_messages([Message("system", "Own."), *TURNS])
    assert said(lm, own, Chat(system="Sums.")) == f"[system]Own.{expected}"


def test_an_answer_that_was_begun_is_gone_on_with(lm: LanguageModel) -> None:
    prompt = prompt_of_messages([Message("user", "2+2?"), Message("assistant", "It is")])
    ids = encode(lm, prompt)
    assert decode(lm, ids) == "[user]2+2?[assistant]It is"
    assert int(ids[-1]) != lm.tokenizer.eos_token_id


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ([], "at least one message"),
        ([Message("system", "Be brief.")], "ends with the user's or the assistant's"),
        ([Message("", "Hi")], "has a role"),
    ],
)
def test_what_is_no_conversation_is_said_to_be_none(messages: list[Message], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        prompt_of_messages(messages)


def test_templates_are_chosen_by_name(lm: LanguageModel) -> None:
    assert chat_templates(lm) == ["default"]
    assert template_of_prompts(lm, ["Hi"], True) == "default"
    assert template_of_prompts(lm, ["Hi"], False) == ""
    with pytest.raises(UserError, match=r"has no chat template 'rag'\. It has default\."):
        encode(lm, "Hi", chat=Chat(template="rag"))
    lm.tokenizer.chat_template = {"rag": "RAG {{ messages[0].content }}", "default": SIMPLE}
    assert chat_templates(lm) == ["default", "rag"]
    assert said(lm, "Hi", Chat(template="rag")) == "RAG Hi"
    assert said(lm, "Hi", Chat(template="default")) == "[user]Hi[assistant]"
    assert template_of_prompts(lm, ["Hi"], Chat(template="rag")) == "rag"
    lm.tokenizer.chat_template = {"rag": "RAG {{ messages[0].content }}"}
    with pytest.raises(UserError, match=r"none is for a plain conversation\. Name one with --chat"):
        encode(lm, "Hi", chat=True)
    assert said(lm, "Hi", Chat(template="rag")) == "RAG Hi"
    lm.tokenizer.chat_template = None
    assert chat_templates(lm) == []


def test_a_template_that_leaves_out_the_system_is_not_believed(lm: LanguageModel) -> None:
    lm.tokenizer.chat_template = "{{ messages[-1].content }}"
    with pytest.raises(UserError, match="leaves out a message of the system's that is plain text"):
        encode(lm, "Hi", chat=Chat(system="Be brief."))
    lm.tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('No system!') }}{% endif %}"
        "{{ messages[-1].content }}"
    )
    with pytest.raises(UserError, match=r"refuses messages of system and user: No system!.*Leave"):
        encode(lm, "Hi", chat=Chat(system="Be brief."))


def test_a_user_is_told_which_template_is_used_and_that_there_is_one(lm: LanguageModel) -> None:
    assert "put into the chat template 'default'" in chat_note(lm, "default")
    assert "with --chat it answers" in chat_note(lm, "")
    lm.tokenizer.chat_template = None
    assert chat_note(lm, "") == ""


def test_naming_a_template_or_a_system_asks_for_a_chat() -> None:
    assert chat_choice(chat=False, template="", system="") is False
    assert chat_choice(chat=True, template="", system="") is True
    assert chat_choice(chat=False, template="", system="x") == Chat(system="x")
    assert chat_choice(chat=True, template="t", system="") == Chat(template="t")


def test_the_filled_in_text_is_what_transformers_makes_of_it(lm: LanguageModel) -> None:
    turns = [{"role": m.role, "content": m.content} for m in TURNS]
    expected = lm.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    assert chat_text(lm, prompt_of_messages(TURNS)) == expected
