"""Theorems about the plain functions of the page allocator, for all inputs.

How a function is read for all inputs at once is in ../../proving/lifted.

One module for each part of the allocator; ../catalogue.py has them in reading order.
"""
