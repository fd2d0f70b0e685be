"""pannier computes on the processor."""

HAS_CUDA = False

__all__ = ["HAS_CUDA"]
