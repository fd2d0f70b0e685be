"""implicit.cpu.als."""

from ..als import AlternatingLeastSquares, calculate_loss

__all__ = ["AlternatingLeastSquares", "calculate_loss"]
