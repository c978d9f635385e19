// Package gc has the sizes that Go keeps in a package of that name.
package gc

const (
	PageShift = 13
	PageSize  = 1 << PageShift

	MaxSmallSize           = 32768
	TinySize               = 16
	TinySizeClass          = 2
	SmallSizeDiv           = 8
	SmallSizeMax           = 1024
	LargeSizeDiv           = 128
	MallocHeaderSize       = 8
	MinSizeForMallocHeader = 512
	NumSizeClasses         = 68
)
