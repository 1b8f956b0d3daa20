"""The stages that a delivery passes on its way to a message, each a small class; none does I/O or reads a clock."""

from tapewatch.notify.stages.limit import Limit, limit_of
from tapewatch.notify.stages.pipeline import Pipeline

__all__ = ["Limit", "Pipeline", "limit_of"]
