package runtime

// What lets a program outside of the runtime drive a page allocator inside of it: the file beside this one is
// harness/pages.go, with the runtime's own locks.

var sums [256]uint32

func checksum(b []byte) uint32 {
	if sums[1] == 0 {
		for i := range sums {
			x := uint32(i)
			for j := 0; j < 8; j++ {
				x = x>>1 ^ 0xedb88320*(x&1)
			}
			sums[i] = x
		}
	}
	x := ^uint32(0)
	for _, c := range b {
		x = sums[byte(x)^c] ^ x>>8
	}
	return ^x
}

var standing *allocator

// SpanproofNew makes a page allocator, if the system's pages are of these sizes, with bits of its index left out.
func SpanproofNew(physPage, hugePage, left uint64) bool {
	if uintptr(physPage) != physPageSize || uintptr(hugePage) != physHugePageSize {
		return false
	}
	a := &allocator{left: left}
	lockInit(&a.lock, lockRankMheap)
	a.p.init(&a.lock, &a.stat, true)
	standing = a
	return true
}

// SpanproofCall makes a call under the allocator's lock: a status, three numbers and a digest of all state.
func SpanproofCall(op, x, y, z uint64) (status uint64, r [3]uint64, digest uint64) {
	systemstack(func() {
		lock(&standing.lock)
		status, r = standing.call(op, x, y, z)
		if status == statusDone {
			digest = standing.digest()
		}
		unlock(&standing.lock)
	})
	return
}

// SpanproofDigest is that of the allocator as it is.
func SpanproofDigest() (digest uint64) {
	systemstack(func() {
		lock(&standing.lock)
		digest = standing.digest()
		unlock(&standing.lock)
	})
	return
}

const (
	statusDone = iota
	statusThrown
	statusUnknown
)
