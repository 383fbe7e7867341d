"""Arithmetic that a reply gets wrong, found without a model."""

from marco_cli.reward.equations.check import Equations, check_equations, false_equations

__all__ = ["Equations", "check_equations", "false_equations"]
