// The recorder: a file of ours that an overlay adds to Go's runtime, with calls of it at the places that patching.py
// names. The two paths below are those of one release; recording.py puts in those of the release that is built.
//
// One file per process, mapped and shared with the system, so that nothing has to be flushed: what was recorded is
// there after a crash too. It begins with a page of numbers (tracing/raw.py has their places); then come records of
// 64 bytes. A record's place is its ticket. Its first word is stored last, and 0 there means that it was never
// finished. Nothing here allocates or lets the garbage collector know of a pointer.
//
// A store into a page that the disk has no room for would kill the program (SIGBUS). So room is reserved before a
// record is stored, some of it at a time; where the disk has no more, the file is full.

package runtime

import (
	spanproofAtomic "internal/runtime/atomic"
	spanproofSyscall "internal/runtime/syscall/linux"
	"unsafe"
)

const (
	spanproofMagic    = 0x434152544e415053 // SPANTRAC
	spanproofFormat   = 1
	spanproofHeader   = 4096
	spanproofFinished = 1 << 63

	spanproofNext    = 2 * 8 // where tickets are taken
	spanproofHolds   = 3 * 8 // how many records have room
	spanproofObjects = 32 * 8
	spanproofRelease = 16 * 8

	spanproofStep = 1 << 20 // bytes that are reserved at a time; the file is a multiple of it
	spanproofFull = 1 << 63 // in spanproofRoom: no more is reserved

	spanproofLongest = 400 // bytes of a name, without what is added to it
	spanproofTries   = 100 // files of one process, which may begin another program in its place
)

// The numbers of tracing/kinds.py, and two of tracing/raw.py.
const (
	spanproofAllocSpan = 1 + iota
	spanproofFreeSpan
	spanproofGrow
	spanproofAllocNeedsZero
	spanproofCacheRefill
	spanproofCacheFlush
	spanproofScavengeBegin
	spanproofScavengeEnd
	spanproofReclaimChunk
	spanproofGcCycle
	spanproofPadding
	spanproofPagesAlloc
	spanproofPagesFree
	spanproofSpanRead
	spanproofObjectRead
)

// Levels: each reads what the one before it reads.
const (
	spanproofSpansRead   = 1
	spanproofObjectsRead = 2
)

var (
	spanproofFile     uintptr // 0: nothing is recorded
	spanproofNumbered uintptr // the file's number, for what is reserved
	spanproofCapacity uint64
	spanproofRoom     uint64 // room is reserved for so many records; it never falls
	spanproofLevel    uint64
	spanproofName     [spanproofLongest + 64]byte
)

// spanproofEnv finds a variable where the system put it: the runtime's own copy does not exist yet.
func spanproofEnv(name string) (value *byte, n int) {
	for i := argc + 1; ; i++ {
		entry := argv_index(argv, i)
		if entry == nil {
			return nil, 0
		}
		at := func(j int) byte { return *(*byte)(unsafe.Add(unsafe.Pointer(entry), j)) }
		j := 0
		for j < len(name) && at(j) == name[j] {
			j++
		}
		if j < len(name) || at(j) != '=' {
			continue
		}
		for at(j+1+n) != 0 {
			n++
		}
		return (*byte)(unsafe.Add(unsafe.Pointer(entry), j+1)), n
	}
}

// spanproofNumber is a variable's value, or else what is given.
func spanproofNumber(name string, other uint64) uint64 {
	value, n := spanproofEnv(name)
	if n == 0 || n > 9 {
		return other
	}
	number := uint64(0)
	for i := 0; i < n; i++ {
		digit := *(*byte)(unsafe.Add(unsafe.Pointer(value), i)) - '0'
		if digit > 9 {
			return other
		}
		number = number*10 + uint64(digit)
	}
	return number
}

// spanproofDigits writes a number into the name at n, and gives the place after it.
func spanproofDigits(n int, number uint64) int {
	var digits [20]byte
	k := 0
	for first := true; first || number > 0; number /= 10 {
		digits[k] = byte('0' + number%10)
		first = false
		k++
	}
	for k > 0 {
		k--
		spanproofName[n] = digits[k]
		n++
	}
	return n
}

// spanproofOpen makes a file that is not there yet: PREFIX.PID.trace, and for a later program of the same process
// PREFIX.PID-1.trace and so on.
func spanproofOpen(pid uint64) int32 {
	prefix, n := spanproofEnv("SPANPROOF_TRACE")
	if n == 0 || n > spanproofLongest {
		return -1
	}
	for i := 0; i < n; i++ {
		spanproofName[i] = *(*byte)(unsafe.Add(unsafe.Pointer(prefix), i))
	}
	spanproofName[n] = '.'
	n = spanproofDigits(n+1, pid)
	for try := uint64(0); try < spanproofTries; try++ {
		k := n
		if try > 0 {
			spanproofName[k] = '-'
			k = spanproofDigits(k+1, try)
		}
		ending := ".trace"
		for i := 0; i < len(ending); i++ {
			spanproofName[k+i] = ending[i]
		}
		spanproofName[k+len(ending)] = 0
		if file := open(&spanproofName[0], 0x800c2, 0o600); file >= 0 { // O_CLOEXEC|O_EXCL|O_CREAT|O_RDWR
			return file
		}
	}
	return -1
}

// spanproofKept puts the file's number, which stays open, where it is nobody else's: the first three may have been
// closed, and the next are those that a program expects.
func spanproofKept(file int32) (uintptr, bool) {
	const fcntl, dupCloexec = 72, 1030
	kept, _, failed := spanproofSyscall.Syscall6(fcntl, uintptr(file), dupCloexec, 100, 0, 0, 0)
	if failed != 0 { // so many are not allowed
		kept, _, failed = spanproofSyscall.Syscall6(fcntl, uintptr(file), dupCloexec, 3, 0, 0, 0)
	}
	closefd(file)
	return kept, failed == 0
}

// spanproofAllocate asks for room for bytes of the file; the file is as long as it was. 0: it is there.
//
//go:nosplit
func spanproofAllocate(from, limit uintptr) uintptr {
	const fallocate, keepSize, interrupted = 285, 1, 4
	for {
		_, _, failed := spanproofSyscall.Syscall6(fallocate, spanproofNumbered, keepSize, from, limit-from, 0, 0)
		if failed != interrupted { // by one of the runtime's own signals
			return failed
		}
	}
}

// spanproofReserve says whether a record has room, and reserves it if need be, up to the end of its step. Several Ms
// may be here at once: what lies below spanproofRoom is reserved, whoever did it, and to reserve twice does no harm.
//
//go:nosplit
func spanproofReserve(ticket uint64) bool {
	if ticket > spanproofCapacity {
		return false
	}
	step := (spanproofHeader + uintptr(ticket)*64 - 1) / spanproofStep
	wanted := uint64((step+1)*spanproofStep-spanproofHeader) / 64
	for {
		room := spanproofAtomic.Load64(&spanproofRoom)
		if ticket <= room&^spanproofFull {
			return true
		}
		if room&spanproofFull != 0 {
			return false
		}
		from := (spanproofHeader + uintptr(room)*64) / spanproofStep * spanproofStep // at first, the first page as well
		raised := wanted
		switch spanproofAllocate(from, (step+1)*spanproofStep) {
		case 0:
		case 5, 27, 28, 122: // EIO, EFBIG, ENOSPC, EDQUOT
			raised = room | spanproofFull
		default: // the file system does not reserve, or nobody may ask (the program may have closed the file)
			raised = spanproofCapacity
		}
		if !spanproofAtomic.Cas64(&spanproofRoom, room, raised) {
			continue // another M was here first, and it may have found less room, or more
		}
		if raised&spanproofFull != 0 && spanproofFile != 0 {
			spanproofAtomic.Store64((*uint64)(unsafe.Pointer(spanproofFile+spanproofHolds)), room)
		}
	}
}

// spanproofBegin comes before the first allocation. If anything fails, nothing is recorded.
func spanproofBegin() {
	pid, _, _ := spanproofSyscall.Syscall6(39, 0, 0, 0, 0, 0, 0) // getpid
	file := spanproofOpen(uint64(pid))
	if file < 0 {
		return
	}
	size := uintptr(spanproofNumber("SPANPROOF_TRACE_MB", 256)) << 20
	kept, ok := spanproofKept(file)
	if !ok {
		return
	}
	spanproofNumbered = kept
	_, _, failed := spanproofSyscall.Syscall6(77, kept, size, 0, 0, 0, 0) // ftruncate
	if failed != 0 || size == 0 {
		closefd(int32(kept))
		return
	}
	spanproofCapacity = uint64((size - spanproofHeader) / 64)
	if !spanproofReserve(1) { // and with it the first page
		closefd(int32(kept))
		return
	}
	place, mapped := mmap(nil, size, _PROT_READ|_PROT_WRITE, 1, int32(kept), 0) // MAP_SHARED
	if mapped != 0 {
		closefd(int32(kept))
		return
	}
	spanproofLevel = spanproofNumber("SPANPROOF_TRACE_LEVEL", 0)
	header := (*[16]uint64)(place)
	header[1] = spanproofFormat
	header[3] = spanproofCapacity
	header[4] = uint64(pid)
	header[5] = spanproofLevel
	header[6] = pageSize
	header[7] = heapArenaBytes
	header[8] = uint64(physPageSize)
	header[9] = uint64(physHugePageSize)
	release := (*[64]byte)(unsafe.Add(place, spanproofRelease))
	for i := 0; i < len(buildVersion) && i < len(release); i++ {
		release[i] = buildVersion[i]
	}
	spanproofAtomic.Store64(&header[0], spanproofMagic)
	spanproofFile = uintptr(place)
}

// spanproofRecord writes one record. Under the heap lock its ticket is the order in which things are done.
//
//go:nosplit
func spanproofRecord(kind, page, npages, a, b, c uint64) {
	file := spanproofFile
	if file == 0 {
		return
	}
	ticket := spanproofAtomic.Xadd64((*uint64)(unsafe.Pointer(file+spanproofNext)), 1)
	if int64(ticket) > int64(spanproofAtomic.Load64(&spanproofRoom)) && !spanproofReserve(ticket) { // full is below 0
		return
	}
	record := (*[8]uint64)(unsafe.Pointer(file + spanproofHeader + uintptr(ticket-1)*64))
	mp := getg().m
	p := uint64(0xffff)
	if pp := mp.p.ptr(); pp != nil {
		p = uint64(pp.id)
	}
	record[1], record[2], record[3], record[4], record[5] = page, npages, a, b, c
	record[6], record[7] = uint64(mp.id)<<32|p, ticket
	spanproofAtomic.Store64(&record[0], kind|spanproofFinished)
}

// spanproofBit is a truth as a number.
func spanproofBit(truth bool) uint64 {
	if truth {
		return 1
	}
	return 0
}

// spanproofKindOfSpan is what a span is told by: its type, class and needzero.
func spanproofKindOfSpan(s *mspan, typ spanAllocType) uint64 {
	return uint64(typ) | uint64(s.spanclass)<<8 | uint64(s.needzero)<<16
}

// spanproofNotZero gives the address of the first byte, or word, of n bytes that is not zero; 0 if all are.
func spanproofNotZero(at, n uintptr) uintptr {
	limit := at + n
	for ; at+8 <= limit; at += 8 {
		if *(*uint64)(unsafe.Pointer(at)) != 0 {
			return at
		}
	}
	for ; at < limit; at++ {
		if *(*byte)(unsafe.Pointer(at)) != 0 {
			return at
		}
	}
	return 0
}

// spanproofSpan comes at the end of allocSpan: nobody has put an object there yet.
func spanproofSpan(s *mspan, typ spanAllocType, scav uintptr) {
	if spanproofFile == 0 {
		return
	}
	page, npages := uint64(s.base()/pageSize), uint64(s.npages)
	spanproofRecord(spanproofAllocSpan, page, npages, spanproofKindOfSpan(s, typ), uint64(scav), uint64(s.sweepgen))
	if spanproofLevel < spanproofSpansRead || s.needzero != 0 {
		return
	}
	dirty, word := spanproofNotZero(s.base(), s.npages*pageSize), uint64(0)
	if dirty != 0 {
		word = *(*uint64)(unsafe.Pointer(dirty))
	}
	spanproofRecord(spanproofSpanRead, page, npages, uint64(dirty), word, spanproofKindOfSpan(s, typ))
}

// spanproofObject comes at the end of mallocgc. Only objects that are not zero are recorded; all are counted.
func spanproofObject(x unsafe.Pointer, size uintptr, needzero bool) {
	if spanproofFile == 0 || spanproofLevel < spanproofObjectsRead || !needzero {
		return
	}
	spanproofAtomic.Xadd64((*uint64)(unsafe.Pointer(spanproofFile+spanproofObjects)), 1)
	if dirty := spanproofNotZero(uintptr(x), size); dirty != 0 {
		spanproofRecord(spanproofObjectRead, uint64(uintptr(x)/pageSize), 0, uint64(uintptr(x)), uint64(dirty), uint64(size))
	}
}
