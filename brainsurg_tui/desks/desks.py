"""All desks of the app."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brainsurg_tui.desks.capturing import CaptureDesk
from brainsurg_tui.desks.clamping import ClampDesk
from brainsurg_tui.desks.connection import ConnectionDesk
from brainsurg_tui.desks.contents import ContentsDesk
from brainsurg_tui.desks.exchange import ExchangeDesk
from brainsurg_tui.desks.features import FeatureDesk
from brainsurg_tui.desks.files import FileDesk
from brainsurg_tui.desks.finding import FindDesk
from brainsurg_tui.desks.jobs import JobDesk
from brainsurg_tui.desks.keeping import KeepDesk
from brainsurg_tui.desks.looking import LookDesk
from brainsurg_tui.desks.program import ProgramDesk
from brainsurg_tui.desks.prompts import PromptDesk
from brainsurg_tui.desks.relatives import RelativeDesk
from brainsurg_tui.desks.training import TrainDesk

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
