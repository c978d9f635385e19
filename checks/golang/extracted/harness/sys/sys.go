// Package sys has the bit operations of the runtime's package, by the standard library's.
package sys

import "math/bits"

func TrailingZeros64(x uint64) int { return bits.TrailingZeros64(x) }
func LeadingZeros64(x uint64) int  { return bits.LeadingZeros64(x) }
func TrailingZeros8(x uint8) int   { return bits.TrailingZeros8(x) }
func Len64(x uint64) int           { return bits.Len64(x) }
func OnesCount64(x uint64) int     { return bits.OnesCount64(x) }

type NotInHeap struct{}
