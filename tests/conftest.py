"""What tests of every room share: models and texts to work on."""

import os
from pathlib import Path

import pytest

# Tests run beside each other; each process, and those it starts, is content with one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared"


LONGEST_FIRST = (
    "tests/sae/kernels/test_cuda_kernels",
    "tests/service",
    "tests/jobs",
    "tests/sae/training",
    "tests/demo",
    "tests/ui",
)
"""Where tests take longest. They begin first, so that all processes end at about the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        starts = (item.nodeid.startswith(folder) for folder in LONGEST_FIRST)
        return next((number for number, does in enumerate(starts) if does), len(LONGEST_FIRST))

    items.sort(key=place)


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait for processes of their own."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else 2


def _beside(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path.name} does not lie beside this checkout")
    return path


@pytest.fixture(scope="session")
def stories_model_path() -> Path:
    """A real trained model: Llama, d_model 64, 5 layers, vocabulary 512, context 512."""
    return _beside(SHARED / "models" / "stories260k")


@pytest.fixture(scope="session")
def stories_path() -> Path:
    """A thousand real stories, a JSON list of strings."""
    return _beside(SHARED / "data" / "tinystories_1000.json")


@pytest.fixture(scope="session")
def tiny_llama_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random Llama (d_model 32, 3 layers) with its own byte-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-llama")
    alphabet = ["<bos>", "<eos>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(alphabet),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
