"""All controllers of the app."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brainsurg_tui.controllers.annotations import AnnotationController
from brainsurg_tui.controllers.capture import CaptureController
from brainsurg_tui.controllers.clamp import ClampController
from brainsurg_tui.controllers.connection import ConnectionController
from brainsurg_tui.controllers.contents import ContentsController
from brainsurg_tui.controllers.exchange import ExchangeController
from brainsurg_tui.controllers.feature_view import FeatureViewController
from brainsurg_tui.controllers.features import FeatureController
from brainsurg_tui.controllers.files import FileController
from brainsurg_tui.controllers.jobs import JobController
from brainsurg_tui.controllers.program import ProgramController
from brainsurg_tui.controllers.prompts import PromptController
from brainsurg_tui.controllers.relatives import RelativesController
from brainsurg_tui.controllers.search import SearchController
from brainsurg_tui.controllers.train import TrainController

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery


@dataclass(frozen=True)
class Controllers:
    """One controller for each subject."""

    capture: CaptureController
    clamp: ClampController
    connection: ConnectionController
    contents: ContentsController
    exchange: ExchangeController
    features: FeatureController
    files: FileController
    search: SearchController
    jobs: JobController
    annotations: AnnotationController
    feature_view: FeatureViewController
    program: ProgramController
    prompts: PromptController
    relatives: RelativesController
    train: TrainController

    @classmethod
    def of(cls, app: "BrainSurgery") -> "Controllers":
        """The controllers of an app."""
        return cls(
            capture=CaptureController(app),
            clamp=ClampController(app),
            connection=ConnectionController(app),
            contents=ContentsController(app),
            exchange=ExchangeController(app),
            features=FeatureController(app),
            files=FileController(app),
            search=SearchController(app),
            jobs=JobController(app),
            annotations=AnnotationController(app),
            feature_view=FeatureViewController(app),
            program=ProgramController(app),
            prompts=PromptController(app),
            relatives=RelativesController(app),
            train=TrainController(app),
        )
