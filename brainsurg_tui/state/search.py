"""The search for features that is shown, and whether its answer is awaited."""

from brainsurg_tui.state.parts import Publish, Published
from brainsurg_tui.state.search_results import SearchAnswer, SearchResults
from engine.service.protocol import GrepReport, Progressed


class SearchState(Published):
    """One search at a time: the last one asked for."""

    def __init__(self, publish: Publish) -> None:
        super().__init__(publish)
        self.results: SearchResults | None = None
        """The last search and its answer, as far as it has come; None before the first."""
        self.progress: Progressed | None = None
        """How far the engine is with it; None while no answer is awaited."""

    def begin(self, results: SearchResults) -> None:
        """Await the answer to another search."""
        self.results = results
        self.progress = Progressed(phase="searching", done=0)
        self._publish("search")

    def set_answer(self, results: SearchResults, answer: SearchAnswer) -> None:
        """Take the answer to a search; a feature that it was about is judged first."""
        results.answer = answer
        if results.about is not None and results.places_answer is not None:
            for score in results.places_answer.features[:1]:
                results.add_score(score)
        self._publish("search")

    def await_places(self, results: SearchResults, feature: int) -> None:
        """Await where this feature responds to the pattern that was searched for."""
        results.places_of = feature

    def set_places(self, results: SearchResults, feature: int, answer: GrepReport) -> None:
        """Take where a feature responds to the pattern, unless another was asked about since."""
        if results.places_of == feature:
            results.places_answer = answer
            self._publish("search")

    def report_progress(self, progress: Progressed) -> None:
        """The engine is so far with the search, if one is awaited."""
        if self.progress is not None:
            self.progress = progress
            self._publish("search_progress")

    def end(self) -> None:
        """No answer to a search is awaited any more."""
        self.progress = None
        self._publish("search")
