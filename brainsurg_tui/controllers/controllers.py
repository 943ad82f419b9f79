"""All desks of the app."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brainsurg_tui.controllers.annotations import KeepDesk
from brainsurg_tui.controllers.capture import CaptureDesk
from brainsurg_tui.controllers.clamp import ClampDesk
from brainsurg_tui.controllers.connection import ConnectionDesk
from brainsurg_tui.controllers.contents import ContentsDesk
from brainsurg_tui.controllers.exchange import ExchangeDesk
from brainsurg_tui.controllers.feature_view import LookDesk
from brainsurg_tui.controllers.features import FeatureDesk
from brainsurg_tui.controllers.files import FileDesk
from brainsurg_tui.controllers.jobs import JobDesk
from brainsurg_tui.controllers.program import ProgramDesk
from brainsurg_tui.controllers.prompts import PromptDesk
from brainsurg_tui.controllers.relatives import RelativeDesk
from brainsurg_tui.controllers.search import FindDesk
from brainsurg_tui.controllers.train import TrainDesk

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery


@dataclass(frozen=True)
class Desks:
    """One desk for each subject."""

    capturing: CaptureDesk
    clamping: ClampDesk
    connection: ConnectionDesk
    contents: ContentsDesk
    exchange: ExchangeDesk
    features: FeatureDesk
    files: FileDesk
    finding: FindDesk
    jobs: JobDesk
    keeping: KeepDesk
    looking: LookDesk
    program: ProgramDesk
    prompts: PromptDesk
    relatives: RelativeDesk
    training: TrainDesk

    @classmethod
    def of(cls, app: "BrainSurgery") -> "Desks":
        """The desks of an app."""
        return cls(
            capturing=CaptureDesk(app),
            clamping=ClampDesk(app),
            connection=ConnectionDesk(app),
            contents=ContentsDesk(app),
            exchange=ExchangeDesk(app),
            features=FeatureDesk(app),
            files=FileDesk(app),
            finding=FindDesk(app),
            jobs=JobDesk(app),
            keeping=KeepDesk(app),
            looking=LookDesk(app),
            program=ProgramDesk(app),
            prompts=PromptDesk(app),
            relatives=RelativeDesk(app),
            training=TrainDesk(app),
        )
