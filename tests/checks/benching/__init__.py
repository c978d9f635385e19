"""Tests of the bench; what it measures is not judged here."""
