"""Tests of the workloads that Hypothesis makes."""
