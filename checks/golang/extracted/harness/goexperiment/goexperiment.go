// Package goexperiment has the experiments that the page heap asks for: those that are the default of linux/amd64.
package goexperiment

const (
	AllocHeadersInt         = 1
	HeapMinimum512KiBInt    = 0
	RandomizedHeapBase64    = true
	RandomizedHeapBase64Int = 1
)
