"""The reference heap against the abstract heap and every claim, on programs and interleavings that Hypothesis makes."""
