"""Every kind of job: one file each, and one line here, by which it is known everywhere."""

from engine.jobs.kinds.base import JobResult as JobResult
from engine.jobs.kinds.base import JobSpec as JobSpec
from engine.jobs.kinds.base import UnreadableSpec as UnreadableSpec
from engine.jobs.kinds.base import registered_kinds as registered_kinds
from engine.jobs.kinds.capture import *
from engine.jobs.kinds.evaluate import *
from engine.jobs.kinds.exchange_activations import *
from engine.jobs.kinds.exchange_saes import *
from engine.jobs.kinds.export_features import *
from engine.jobs.kinds.fetch import *
from engine.jobs.kinds.fields import KindField as KindField
from engine.jobs.kinds.fields import kind_fields as kind_fields
from engine.jobs.kinds.probe import *
from engine.jobs.kinds.scan import *
from engine.jobs.kinds.sweep import *
from engine.jobs.kinds.train import *
