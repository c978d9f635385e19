"""A second opinion: the automata as Promela, and Spin's count of their states."""
