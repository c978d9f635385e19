"""The compiled walk: one C file for all programs, built when it is first needed. Read next: ../compiled.py."""
