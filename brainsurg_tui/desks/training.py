"""From activations to features: training an SAE, and scanning what it learned."""

from typing import TYPE_CHECKING

from brainsurg_tui.desks.submitting import free_name, number, submit, whole_if_any
from brainsurg_tui.screens.form import Field, Form
from engine.service.protocol import Scan, Train

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

ARCHITECTURES = (
    "topk",
    "batchtopk",
    "jumprelu",
    "relu",
    "gated",
    "matryoshka",
    "seed-basic",
    "seed-optimised",
)

_RECIPE = "as its recipe says"


class TrainDesk:
    """The middle of the chain."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def train(self) -> None:
        """Ask what to train."""
        contents = self._app.state.contents
        sets = tuple(known.name for known in contents.activations)
        last = self._app.workspace_memory.forms.get("train", {})

        def optional(name: str, label: str, help: str) -> Field:
            return Field(name, label, last.get(name, ""), help=help, empty=_RECIPE)

        begun = [job.spec for job in self._app.state.jobs.values()]
        trained = [spec.name for spec in begun if isinstance(spec, Train)]
        name = free_name("r", [*trained, *(known.name for known in contents.saes)])
        fields = [
            Field("activations", "activations", sets[-1], choices=sets, free=False),
            Field("arch", "kind", last.get("arch", ARCHITECTURES[0]), choices=ARCHITECTURES),
            optional("width", "features", "How many features, d_sae."),
            optional("k", "k", "Active features per token, or how many to aim at."),
            optional("tokens", "tokens", "Tokens to train on, counted with repetition."),
            optional("lr", "learning rate", "Of the optimiser."),
            Field("name", "name", name, help="Name of the new SAE."),
        ]
        self._app.push_screen(Form("Train an SAE", fields, self._train, verb="train"))

    async def _train(self, values: dict[str, str]) -> None:
        spec = Train(
            name=values["name"],
            activations=values["activations"],
            arch=values["arch"],
            width=whole_if_any(values["width"], "features"),
            k=whole_if_any(values["k"], "k"),
            tokens=whole_if_any(values["tokens"], "tokens"),
            lr=number(values["lr"], "learning rate") if values["lr"] else None,
            device=self._app.device,
        )
        await submit(self._app, "train", values, spec)
        self._app.bench.go_to("loss")

    def scan(self) -> None:
        """Ask what to scan."""
        contents = self._app.state.contents
        saes = tuple(known.name for known in contents.saes)
        sets = tuple(known.name for known in contents.activations)
        unscanned = [known.name for known in contents.saes if not known.scanned]
        wanted = next(reversed(unscanned), self._app.state.sae or saes[-1])
        fields = [
            Field("sae", "SAE", wanted, choices=saes, free=False),
            Field(
                "activations",
                "over",
                choices=("", *sets),
                free=False,
                empty="the set it was trained on",
            ),
        ]
        self._app.push_screen(Form("Scan for features", fields, self._scan, verb="scan"))

    async def _scan(self, values: dict[str, str]) -> None:
        activations = values["activations"] or None
        spec = Scan(sae=values["sae"], activations=activations, device=self._app.device)
        await submit(self._app, "scan", values, spec)
        self._app.desks.features.choose_sae(values["sae"])
