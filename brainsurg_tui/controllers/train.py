"""From activations to features: training an SAE, and scanning what it learned."""

from brainsurg_tui.controllers.features import FeatureController
from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.controllers.submit import free_name, submit
from brainsurg_tui.controllers.train_fields import parse_settings, setting_fields
from brainsurg_tui.screens.form import Field, Form
from engine.service.protocol import ARCHITECTURES, PRESETS, ActivationsInfo, Scan, Train

_PUBLISHED = {arch for preset in PRESETS.values() for arch in preset.architectures}
"""Architectures that somebody has published a recipe for."""


def _captured_together(one: ActivationsInfo, other: ActivationsInfo) -> bool:
    """Whether two sets may be of the same tokens at two sites, so that a transcoder can be made."""
    same = (one.model, one.tokens, one.documents) == (other.model, other.tokens, other.documents)
    return same and one.site != other.site


class TrainController:
    """Submits trainings and scans: the middle of the chain."""

    def __init__(self, shell: Shell, features: FeatureController) -> None:
        self._shell = shell
        self._features = features

    def train(self) -> None:
        """Let the user fill in what to train, with the answers of the last time in the form."""
        contents = self._shell.state.contents
        sets = tuple(known.name for known in contents.activations)
        together = {
            one.name: any(_captured_together(one, other) for other in contents.activations)
            for one in contents.activations
        }
        last = self._shell.workspace_memory.forms.get("train", {})

        begun = [job.spec for job in self._shell.state.jobs.by_id.values()]
        trained = [spec.name for spec in begun if isinstance(spec, Train)]
        name = free_name("r", [*trained, *(known.name for known in contents.saes)])

        fields = [
            Field("activations", "activations", sets[-1], choices=sets, free=False),
            Field(
                "arch",
                "kind",
                last.get("arch", next(iter(ARCHITECTURES))),
                help="The architecture.",
                choices=tuple(ARCHITECTURES),
                free=False,
            ),
            Field(
                "target",
                "predicts",
                choices=("", *(name for name in sets if together[name])),
                free=False,
                help="For a transcoder: a set captured in one go with what it reads.",
                empty="what it reads",
                shown=lambda values: (
                    together[values["activations"]] and ARCHITECTURES[values["arch"]].linear
                ),
            ),
            Field(
                "skip",
                "skip connection",
                choices=("", "yes"),
                free=False,
                help="A linear map beside the features.",
                empty="no",
                shown=lambda values: bool(values["target"]),
            ),
            *setting_fields(last),
            Field(
                "preset",
                "recipe",
                choices=("", *PRESETS),
                free=False,
                empty="our own",
                shown=lambda values: values["arch"] in _PUBLISHED,
            ),
            Field("name", "name", name, help="Name of the new SAE."),
        ]
        self._shell.push_screen(Form("Train an SAE", fields, self._train, verb="train"))

    async def _train(self, values: dict[str, str]) -> None:
        spec = Train(
            name=values["name"],
            activations=values["activations"],
            arch=values["arch"],
            preset=values["preset"],
            target=values["target"] or None,
            skip=bool(values["target"] and values["skip"]),
            **parse_settings(values),
            device=self._shell.device,
        )
        await submit(self._shell, "train", values, spec)
        self._shell.main.go_to("loss")

    def scan(self) -> None:
        """Let the user choose which SAE to scan, over which activations."""
        contents = self._shell.state.contents
        saes = tuple(known.name for known in contents.saes)
        sets = tuple(known.name for known in contents.activations)
        wanted = self._shell.state.sae_to_scan() or self._shell.state.sae or saes[-1]
        chosen = next(known for known in contents.saes if known.name == wanted)
        fitting = self._shell.state.sets_for(chosen)
        over = "" if chosen.activations in sets or not fitting else fitting[-1]
        fields = [
            Field("sae", "SAE", wanted, choices=saes, free=False),
            Field(
                "activations",
                "over",
                over,
                choices=("", *sets),
                free=False,
                empty="the set it was trained on",
            ),
        ]
        self._shell.push_screen(Form("Scan for features", fields, self._scan, verb="scan"))

    async def _scan(self, values: dict[str, str]) -> None:
        activations = values["activations"] or None
        spec = Scan(sae=values["sae"], activations=activations, device=self._shell.device)
        await submit(self._shell, "scan", values, spec)
        self._features.choose_sae(values["sae"])
