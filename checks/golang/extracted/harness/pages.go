package main

// An allocator is a pageAlloc that stands alone, with page caches, as Go's own tests make theirs.
type allocator struct {
	p      pageAlloc
	lock   mutex
	stat   sysMemStat
	caches [64]pageCache
	left   uint64 // bits of the index's words that are left out
}

func (a *allocator) call(op, x, y, z uint64) (status uint64, r [3]uint64) {
	p := &a.p
	switch op {
	case opGrow:
		p.grow(uintptr(x), uintptr(y))
	case opAlloc:
		base, scav := p.alloc(uintptr(x))
		r = [3]uint64{uint64(base), uint64(scav)}
	case opFree:
		p.free(uintptr(x), uintptr(y))
	case opToCache:
		c := p.allocToCache()
		a.caches[x] = c
		r = [3]uint64{uint64(c.base), c.cache, c.scav}
	case opCacheAlloc:
		base, scav := a.caches[x].alloc(uintptr(y))
		r = [3]uint64{uint64(base), uint64(scav)}
	case opFlush:
		c := &a.caches[x]
		c.flush(p)
		r = [3]uint64{uint64(c.base), c.cache, c.scav}
	case opScavenge:
		// It takes the lock itself.
		unlock(&a.lock)
		r[0] = uint64(p.scavenge(uintptr(x), nil, y != 0))
		lock(&a.lock)
	case opNextGen:
		p.scav.index.nextGen()
	case opPad:
		pads, has := any(p).(interface{ markRandomPaddingPages(base, npages uintptr) })
		if !has {
			return statusUnknown, r
		}
		pads.markRandomPaddingPages(uintptr(x), uintptr(y))
	default:
		return statusUnknown, r
	}
	return statusDone, r
}

// What a digest is made of: a sum over parts, each a checksum of its kind, its place and its words.
const (
	partWords = iota
	partRange
	partChunk
	partSummary // and one for each level
)

var scratch [8 * 24]byte

func part(kind, place uint64, words ...uint64) uint64 {
	put(scratch[0:], kind)
	put(scratch[8:], place)
	for i, w := range words {
		put(scratch[16+8*i:], w)
	}
	return uint64(checksum(scratch[:16+8*len(words)]))
}

// words are those of the allocator that are no part of a chunk.
func (a *allocator) words() [11]uint64 {
	p, x := &a.p, &a.p.scav.index
	return [11]uint64{
		uint64(p.searchAddr.a), uint64(p.start), uint64(p.end), uint64(p.inUse.totalBytes),
		uint64(x.searchAddrBg.a.Load()), uint64(x.searchAddrForce.a.Load()), uint64(x.freeHWM.a), uint64(x.gen),
		uint64(x.minHeapIdx.Load()), uint64(x.min.Load()), uint64(x.max.Load()),
	}
}

func put(b []byte, x uint64) {
	for i := 0; i < 8; i++ {
		b[i] = byte(x >> (8 * i))
	}
}

func (a *allocator) digest() (sum uint64) {
	p := &a.p
	w := a.words()
	sum = part(partWords, 0, w[:]...)
	var last [summaryLevels]int
	for l := range last {
		last[l] = -1
	}
	for i, r := range p.inUse.ranges {
		sum += part(partRange, uint64(i), uint64(r.base.a), uint64(r.limit.a))
		for ci := chunkIndex(r.base.addr()); ci < chunkIndex(r.limit.addr()-1)+1; ci++ {
			w := a.chunk(ci)
			sum += part(partChunk, uint64(ci), w[:]...)
		}
		for l := range p.summary {
			lo, hi := addrsToSummaryRange(l, r.base.addr(), r.limit.addr())
			for e := max(lo, last[l]+1); e < hi; e++ {
				if s := p.summary[l][e]; s != 0 {
					sum += part(partSummary+uint64(l), uint64(e), uint64(s))
				}
				last[l] = e
			}
		}
	}
	return sum
}

// chunk is what is known of a chunk: which pages are allocated, which are scavenged, its word of the index.
func (a *allocator) chunk(ci chunkIdx) (w [17]uint64) {
	d := a.p.chunkOf(ci)
	for i := 0; i < 8; i++ {
		w[i], w[8+i] = d.pallocBits[i], d.scavenged[i]
	}
	w[16] = a.p.scav.index.chunks[ci].value.Load() &^ a.left
	return w
}
