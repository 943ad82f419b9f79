"""Writing labels into what a worker found: it has the models, and the daemon the labels."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from engine.service import protocol as p

Labels = Callable[[str], Mapping[int, str]]
"""Feature to label, of the SAE of a name."""

Found = TypeVar("Found", p.FiringFeature, p.ContrastedFeature, p.Relative)


def labelled(question: p.Question, reply: p.ReplyBody, labels: Labels) -> p.ReplyBody:
    """The reply with the label of every feature that it names."""
    match question, reply:
        case p.FindFiring(), p.Firing():
            return replace(reply, features=_labelled(reply.features, labels(question.sae)))
        case p.FindContrast(), p.Contrast():
            return replace(reply, features=_labelled(reply.features, labels(question.sae)))
        case p.GetNearest(), p.Relatives():
            theirs = labels(question.other or question.sae)
            return replace(reply, relatives=_labelled(reply.relatives, theirs))
    return reply


def _labelled(features: Sequence[Found], labels: Mapping[int, str]) -> list[Found]:
    return [replace(feature, label=labels.get(feature.id, "")) for feature in features]
