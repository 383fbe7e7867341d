"""Traces: the evidence of an answer, kept, shown again, rated anew and searched on."""
