"""Arithmetic that a reply gets wrong, found and put right without a model."""

from marco_cli.reward.equations.check import Equations, check_equations, false_equations
from marco_cli.reward.equations.correction import Correction, correction

__all__ = ["Correction", "Equations", "check_equations", "correction", "false_equations"]
