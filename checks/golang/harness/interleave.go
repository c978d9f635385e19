package main

func (s *server) interleave(many uint64) {}
