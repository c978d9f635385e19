package main

import (
	"encoding/json"
	"hash/crc32"
)

func checksum(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

func newAllocator(physPage, hugePage uintptr, left uint64) *allocator {
	giveBack()
	physPageSize, physHugePageSize, physHugePageShift = physPage, hugePage, 0
	for uintptr(1)<<physHugePageShift < hugePage {
		physHugePageShift++
	}
	a := &allocator{left: left}
	a.p.init(&a.lock, &a.stat, true)
	a.lock.held = true
	return a
}

// dump is all that the digest is made of.
func (a *allocator) dump() string {
	p := &a.p
	found := struct {
		Words     [11]uint64
		Ranges    [][2]uint64
		Chunks    map[uint64][17]uint64
		Summaries [summaryLevels]map[int]uint64
	}{Words: a.words(), Chunks: map[uint64][17]uint64{}}
	for l := range found.Summaries {
		found.Summaries[l] = map[int]uint64{}
	}
	for _, r := range p.inUse.ranges {
		found.Ranges = append(found.Ranges, [2]uint64{uint64(r.base.a), uint64(r.limit.a)})
		for ci := chunkIndex(r.base.addr()); ci < chunkIndex(r.limit.addr()-1)+1; ci++ {
			found.Chunks[uint64(ci)] = a.chunk(ci)
		}
		for l := range p.summary {
			lo, hi := addrsToSummaryRange(l, r.base.addr(), r.limit.addr())
			for e := lo; e < hi; e++ {
				if s := p.summary[l][e]; s != 0 {
					found.Summaries[l][e] = uint64(s)
				}
			}
		}
	}
	said, err := json.Marshal(found)
	if err != nil {
		throw(err.Error())
	}
	return string(said)
}
