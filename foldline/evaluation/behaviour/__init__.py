"""Behavioural tests of the final model: what small changes of a text do (Ribeiro et al., 2020)."""
