package main

import (
	"syscall"
	"unsafe"

	"spanproof/extracted/atomic"
)

// What the extracted text asks for of the rest of the runtime.

// The system's pages: variables of the runtime, told by whoever makes a heap.
var (
	physPageSize      uintptr = 4096
	physHugePageSize  uintptr
	physHugePageShift uint
)

const (
	debugPagealloc   = false
	isSbrkPlatform   = false
	raceenabled      = false
	msanenabled      = false
	asanenabled      = false
	GOOS             = "linux"
	uintptrMask      = 1<<64 - 1
	_ConcurrentSweep = true
)

type hex uint64

type notInHeap struct{}

type notInHeapSlice struct {
	array    *notInHeap
	len, cap int
}

type slice struct {
	array    unsafe.Pointer
	len, cap int
}

var debug struct {
	disablethp   int32
	gcpacertrace int32
	scavtrace    int32
	pagealloc    int32
	madvdontneed int32
}

// A lock is told of like an access, so that whoever schedules sees who waits.
type mutex struct{ held bool }

func lock(m *mutex) {
	if atomic.Step != nil {
		atomic.Step(&atomic.Op{Kind: atomic.KindLock, At: unsafe.Pointer(m), OK: true})
	}
	if m.held {
		throw("lock: it is held")
	}
	m.held = true
}

func unlock(m *mutex) {
	if atomic.Step != nil {
		atomic.Step(&atomic.Op{Kind: atomic.KindUnlock, At: unsafe.Pointer(m), OK: true})
	}
	if !m.held {
		throw("unlock: it is not held")
	}
	m.held = false
}

func assertLockHeld(m *mutex) {
	if m != nil && !m.held {
		throw("lock not held")
	}
}

func assertWorldStopped() {}

// thrown is what a throw of the extracted text unwinds with.
type thrown string

func throw(s string) { panic(thrown(s)) }

func alignUp(n, a uintptr) uintptr                   { return (n + a - 1) &^ (a - 1) }
func alignDown(n, a uintptr) uintptr                 { return n &^ (a - 1) }
func divRoundUp(n, a uintptr) uintptr                { return (n + a - 1) / a }
func add(p unsafe.Pointer, x uintptr) unsafe.Pointer { return unsafe.Add(p, x) }
func systemstack(f func())                           { f() }

type sysMemStat uint64

func (s *sysMemStat) add(n int64) {}

// Memory. Reservations are remembered, so that a heap that is not needed any more can be given back.
var reserved [][2]uintptr

func mapped(n uintptr) unsafe.Pointer { return mappedAs(n, syscall.PROT_READ|syscall.PROT_WRITE) }

func mappedAs(n, access uintptr) unsafe.Pointer {
	p, _, e := syscall.Syscall6(syscall.SYS_MMAP, 0, n, access,
		syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE, ^uintptr(0), 0)
	if e != 0 {
		throw("mmap: " + e.Error())
	}
	reserved = append(reserved, [2]uintptr{p, n})
	return *(*unsafe.Pointer)(unsafe.Pointer(&p))
}

// What the extracted text maps must be reserved and must not be mapped: mapping it anew would lose what is there.
var ready [][2]uintptr

func giveBack() {
	ready = ready[:0]
	for _, r := range reserved {
		syscall.Syscall(syscall.SYS_MUNMAP, r[0], r[1], 0)
	}
	reserved = reserved[:0]
}

func sysReserve(_ unsafe.Pointer, n uintptr, _ ...string) unsafe.Pointer {
	return mappedAs(n, syscall.PROT_NONE)
}
func sysAlloc(n uintptr, _ *sysMemStat, _ ...string) unsafe.Pointer { return mapped(n) }
// madeReady lets a word of reserved memory be used whose mapping is no part of what is tried.
func madeReady(at unsafe.Pointer) {
	const systemPage = 4096
	first := uintptr(at) &^ (systemPage - 1)
	syscall.Syscall(syscall.SYS_MPROTECT, first, systemPage, syscall.PROT_READ|syscall.PROT_WRITE)
}

func sysMap(v unsafe.Pointer, n uintptr, _ *sysMemStat, _ ...string) {
	first, limit := uintptr(v), uintptr(v)+n
	for _, r := range ready {
		if first < r[1] && r[0] < limit {
			throw("sysMap of memory that is mapped")
		}
	}
	if _, _, e := syscall.Syscall(syscall.SYS_MPROTECT, first, n, syscall.PROT_READ|syscall.PROT_WRITE); e != 0 {
		throw("sysMap of memory that is not reserved: " + e.Error())
	}
	ready = append(ready, [2]uintptr{first, limit})
}
func sysUsed(v unsafe.Pointer, n, _ uintptr)                     {}
func sysUnused(v unsafe.Pointer, n uintptr)                      {}
func sysFree(v unsafe.Pointer, n uintptr, _ *sysMemStat)         {}
func sysHugePage(v unsafe.Pointer, n uintptr)                    {}
func sysNoHugePage(v unsafe.Pointer, n uintptr)                  {}
func sysHugePageCollapse(v unsafe.Pointer, n uintptr)            {}
func persistentalloc(n, _ uintptr, _ *sysMemStat) unsafe.Pointer { return mapped(n) }

// Statistics: nobody reads them here.
type counter struct{}

func (counter) add(int64)    {}
func (counter) Load() uint64 { return 0 }

var gcController struct{ heapReleased, heapFree, heapInUse, mappedReady, heapLive counter }

type cleanups struct{}

func (cleanups) flush() {}

var gcCleanups cleanups

type delta struct{ committed, released, inStacks, inHeap, inWorkBufs, inPtrScalarBits int64 }
type consistent struct{}

func (consistent) acquire() *delta { return new(delta) }
func (consistent) release()        {}

var memstats struct{ heapStats consistent }

// Tracing of 1.21 and 1.22.
type g struct{ m *m }
type m struct{ p puintptr }
type puintptr struct{}
type p struct{}

func (puintptr) ptr() *p                                   { return nil }
func getg() *g                                             { return &g{&m{}} }
func pageTraceScav(pp *p, now int64, base, npages uintptr) {}
func nanotime() int64                                      { return 0 }

// The heap, as far as the extracted text looks into it.
type heapArena struct {
	spans      [pagesPerArena]*mspan
	pageInUse  [pagesPerArena / 8]uint8
	pageMarks  [pagesPerArena / 8]uint8
	zeroedBase uintptr
}

type mheap struct {
	lock     mutex
	pages    pageAlloc
	sweepgen uint32

	sweepHeapLiveBasis uint64
	sweepPagesPerByte  float64
	pagesSwept         counter

	arenas [1 << arenaL1Bits]*[1 << arenaL2Bits]*heapArena
}

var mheap_ mheap

type mspan struct {
	startAddr uintptr
	npages    uintptr
	sweepgen  uint32
}

func (s *mspan) base() uintptr { return s.startAddr }

// Sweeping.
// sweep frees a span that has no marks, under the heap lock.
func (s *sweepLocked) sweep(preserve bool) bool { return sweepSpan(s.mspan) }

func sweepSpan(s *mspan) bool {
	h := &mheap_
	lock(&h.lock)
	page := s.base() / pageSize
	ha := h.arenas[0][arenaIndex(s.base())]
	atomic.And8(&ha.pageInUse[page%pagesPerArena/8], ^(uint8(1) << (page % 8)))
	atomic.Store(&s.sweepgen, h.sweepgen)
	unlock(&h.lock)
	return true
}

var sweep struct{ active activeSweep }

// Tracing of the collector, which is off.
type traceLocker struct{}

func (traceLocker) ok() bool            { return false }
func (traceLocker) GCSweepSpan(uintptr) {}
func traceAcquire() traceLocker         { return traceLocker{} }
func traceRelease(traceLocker)          {}
func traceGCSweepSpan(uintptr)          {}

func traceEnabled() bool { return false }

var trace struct{ enabled bool }
