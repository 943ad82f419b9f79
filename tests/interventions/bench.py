"""What the tests operate on: a real model with an SAE at one of its sites, and its catalogue."""

from dataclasses import dataclass

import msgspec

from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.clamp import clamp
from engine.interventions.prompt_run import ModelWithSAE
from engine.interventions.spec import ClampReport, ClampRequest, FeatureEdit
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.sae.architectures.base import SparseAutoencoder

SITE = Site("resid_post", 2)
PROMPTS = ["Once upon a time there was a little girl", "Tom and his dog went to the park"]


@dataclass(frozen=True)
class Bench:
    """Everything that `clamp` needs."""

    lm: LanguageModel
    sae: SparseAutoencoder
    catalogue: Catalogue

    @property
    def subject(self) -> ModelWithSAE:
        """The SAE in its model, as a clamp takes it."""
        return ModelWithSAE.from_scan(self.lm, self.sae, SITE, self.catalogue)

    def clamp(self, **changes: object) -> ClampReport:
        """A report on the usual request with some fields changed."""
        return clamp(self.subject, self.catalogue, self.request(**changes))

    def request(self, **changes: object) -> ClampRequest:
        edits = [FeatureEdit(feature=self.busiest(), value=5.0, unit="max")]
        usual = ClampRequest(sae="s", edits=edits, prompts=PROMPTS, generate=6, nulls=4)
        return msgspec.structs.replace(usual, **changes)

    def busiest(self, place: int = 0) -> int:
        """The feature that is active most often, or the one in another place of that order."""
        return int(self.catalogue.columns["density"].argsort()[::-1][place])
