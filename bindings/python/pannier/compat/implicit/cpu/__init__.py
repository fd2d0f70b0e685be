"""Where implicit keeps what computes on the processor, as everything does here."""

from . import als, bpr

__all__ = ["als", "bpr"]
