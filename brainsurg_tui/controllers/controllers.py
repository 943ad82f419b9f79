"""All controllers of the app, each with those that it calls handed in."""

from dataclasses import dataclass

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
from brainsurg_tui.controllers.probe import ProbeController
from brainsurg_tui.controllers.program import ProgramController
from brainsurg_tui.controllers.prompts import PromptController
from brainsurg_tui.controllers.published import PublishedController
from brainsurg_tui.controllers.relatives import RelativesController
from brainsurg_tui.controllers.search import SearchController
from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.controllers.train import TrainController


@dataclass(frozen=True)
class Controllers:
    """One controller for each subject."""

    annotations: AnnotationController
    capture: CaptureController
    clamp: ClampController
    connection: ConnectionController
    contents: ContentsController
    exchange: ExchangeController
    feature_view: FeatureViewController
    features: FeatureController
    files: FileController
    jobs: JobController
    probe: ProbeController
    program: ProgramController
    prompts: PromptController
    published: PublishedController
    relatives: RelativesController
    search: SearchController
    train: TrainController

    @classmethod
    def build(cls, shell: Shell) -> "Controllers":
        """The controllers of an app."""
        relatives = RelativesController(shell)
        features = FeatureController(shell, relatives)
        feature_view = FeatureViewController(shell, relatives)
        contents = ContentsController(shell, features)
        clamp = ClampController(shell, features)
        probe = ProbeController(shell)
        search = SearchController(shell, features, feature_view, probe)
        jobs = JobController(shell, features, clamp, search)
        return cls(
            annotations=AnnotationController(shell),
            capture=CaptureController(shell),
            clamp=clamp,
            connection=ConnectionController(shell, contents, features, jobs),
            contents=contents,
            exchange=ExchangeController(shell),
            feature_view=feature_view,
            features=features,
            files=FileController(shell),
            jobs=jobs,
            probe=probe,
            program=ProgramController(shell, jobs),
            prompts=PromptController(shell),
            published=PublishedController(shell),
            relatives=relatives,
            search=search,
            train=TrainController(shell, features),
        )
