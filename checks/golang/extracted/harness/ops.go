package main

const (
	opNew = iota + 1
	opGrow
	opAlloc
	opFree
	opToCache
	opCacheAlloc
	opFlush
	opScavenge
	opNextGen
	opPad
	opDump
	opThrown
	opInterleave
)
