"""What the daemon and the command line read must not bring torch along."""

import subprocess
import sys
from pathlib import Path

from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import save_sae

PROGRAM = """
import sys
from pathlib import Path
from engine.sae.recipes import recipe
from engine.sae.formats.info import read_sae_info
recipe("topk", 8, 1000)
for folder in sys.argv[1:]:
    print(read_sae_info(Path(folder)).architecture)
print(sorted({"torch", "transformers", "safetensors"} & sys.modules.keys()))
"""


def test_recipes_and_descriptions_come_without_torch(tmp_path: Path) -> None:
    folders = []
    for architecture, k in (("topk", 2), ("seed-basic", None)):
        folders.append(tmp_path / architecture)
        sae = build(SAEConfig(architecture=architecture, d_in=4, d_sae=8, k=k))
        save_sae(sae, folders[-1], SAEMetadata())
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, folders)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split("\n")[:3] == ["topk", "seed-basic", "[]"]
