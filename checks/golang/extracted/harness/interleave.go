package main

import (
	"encoding/json"
	"io"
	"iter"
	"unsafe"

	"spanproof/extracted/atomic"
)

// A call of the extracted text: its number, and what it is called with.
type call [5]uint64

// A trial is a small program: words as they are at the start, and the calls of each thread.
type trial struct {
	Cells   [][2]uint64
	Spans   [][4]uint64 // number, address, pages, and whether its pages lead to it at the start
	Threads [][]call
	Most    int    // schedules; 0: all
	Tell    bool   // every step, or only in how many ways they end
	Choices []int  // one schedule: which thread, step by step
	Seed    uint64 // not 0: schedules are drawn from it, as many as Most says
}

// How a schedule ended.
const (
	endedWell = iota
	endedByThrow
	endedInDeadlock
	endless
)

// mostSteps is more than any schedule of a trial has: whoever goes on longer goes round for ever.
const mostSteps = 1000

// A thread is a coroutine that stops before each access.
type thread struct {
	next    func() (*atomic.Op, bool)
	stop    func()
	pending *atomic.Op
	yield   func(*atomic.Op) bool
	results []uint64
}

type schedule struct {
	threads []*thread
	thrown  bool
	said    string // what the throw says
	steps   []taken
}

type taken struct {
	thread int
	op     *atomic.Op
}

var running *thread

// abandoned unwinds a thread that is not needed any more.
type abandoned struct{}

func (s *schedule) start(calls [][]call) {
	atomic.Step = func(op *atomic.Op) {
		if !running.yield(op) {
			panic(abandoned{})
		}
	}
	for _, mine := range calls {
		t := &thread{}
		t.next, t.stop = iter.Pull(func(yield func(*atomic.Op) bool) {
			t.yield = yield
			defer func() {
				switch e := recover().(type) {
				case nil, abandoned:
				default: // a throw, or a fault of the machine
					s.thrown, s.said = true, said(e)
				}
			}()
			for _, c := range mine {
				a, b := run(c)
				t.results = append(t.results, a, b)
			}
		})
		s.threads = append(s.threads, t)
	}
	for _, t := range s.threads {
		s.resume(t)
	}
}

func (s *schedule) resume(t *thread) {
	running = t
	op, more := t.next()
	t.pending = op
	if !more {
		t.pending = nil
	}
}

func (s *schedule) enabled(i int) bool {
	op := s.threads[i].pending
	return op != nil && !s.thrown && (op.Kind != atomic.KindLock || !(*mutex)(op.At).held)
}

func (s *schedule) step(i int) {
	t := s.threads[i]
	s.steps = append(s.steps, taken{i, t.pending})
	s.resume(t)
}

func (s *schedule) ended() uint64 {
	if s.thrown {
		return endedByThrow
	}
	if len(s.steps) >= mostSteps {
		return endless
	}
	for _, t := range s.threads {
		if t.pending != nil {
			return endedInDeadlock
		}
	}
	return endedWell
}

func (s *schedule) leave() {
	for _, t := range s.threads {
		running = t
		t.stop()
	}
}

// A chooser says which thread takes each step.
type chooser interface {
	next(r *schedule) int // a thread that can take a step; -1: the schedule ends here
	more() bool           // after a schedule: whether there is another one
}

// interleave goes through schedules, each from its beginning, and answers with how each ended.
func (s *server) interleave(length uint64) {
	text := make([]byte, length)
	if _, err := io.ReadFull(s.in, text); err != nil {
		return
	}
	var t trial
	if err := json.Unmarshal(text, &t); err != nil {
		panic(err)
	}
	w, by := newWorld(&t), t.chooser()
	all := endings{many: map[string]uint64{}}
	for n := 1; ; n++ {
		r := &schedule{}
		w.reset()
		r.start(t.Threads)
		for i := by.next(r); i >= 0 && len(r.steps) < mostSteps; i = by.next(r) {
			r.step(i)
		}
		if t.Tell {
			s.tell(r, w)
		} else {
			all.count(r.ending(w))
		}
		atomic.Step = nil
		r.leave()
		if n == t.Most || !by.more() {
			break
		}
	}
	all.tell(s)
	s.word(endOfSchedules)
	s.out.Flush()
}

const endOfSchedules = ^uint64(0)

func (s *server) word(x uint64) {
	var b [8]byte
	word.PutUint64(b[:], x)
	s.out.Write(b[:])
}

// ending is how a schedule ended: results, and words at the end.
func (r *schedule) ending(w *world) []uint64 {
	said := []uint64{r.ended()}
	for _, t := range r.threads {
		said = append(said, uint64(len(t.results)))
		said = append(said, t.results...)
	}
	for _, c := range w.cells {
		said = append(said, c.get())
	}
	return said
}

// tell answers with how many words follow, the ending, what a throw says (its length, a byte to a word), the steps.
func (s *server) tell(r *schedule, w *world) {
	said := append(r.ending(w), uint64(len(r.said)))
	for i := range len(r.said) {
		said = append(said, uint64(r.said[i]))
	}
	s.word(uint64(len(said) + 6*len(r.steps)))
	for _, x := range said {
		s.word(x)
	}
	for _, step := range r.steps {
		op, ok := step.op, uint64(0)
		if op.OK {
			ok = 1
		}
		for _, x := range [...]uint64{uint64(step.thread), uint64(op.Kind)<<1 | ok, w.named[op.At], op.Old, op.New, op.Got} {
			s.word(x)
		}
	}
}

// An endings counts the schedules by how they ended.
type endings struct {
	many map[string]uint64
	key  []byte
}

func (e *endings) count(said []uint64) {
	e.key = e.key[:0]
	for _, x := range said {
		e.key = word.AppendUint64(e.key, x)
	}
	e.many[string(e.key)]++
}

// tell answers with each ending: how many words follow, how many schedules ended so, the words.
func (e *endings) tell(s *server) {
	for key, many := range e.many {
		s.word(uint64(1 + len(key)/8))
		s.word(many)
		s.out.WriteString(key)
	}
}

// A world is the words that a trial names.
type world struct {
	cells  []cell
	values []uint64
	named  map[unsafe.Pointer]uint64
	spans  [][4]uint64
}

// mspans are the spans of trials, by number.
var mspans [64]mspan

type cell struct {
	at   unsafe.Pointer
	size int
}

// A cell that leads to a span has the span's number as its value, and 0 if it leads to none.
const sizeOfSpan = -1

func numberOfSpan(s *mspan) uint64 {
	for i := range mspans {
		if s == &mspans[i] {
			return uint64(i)
		}
	}
	return 0
}

func spanOfNumber(n uint64) *mspan {
	if n == 0 {
		return nil
	}
	return &mspans[n]
}

func (c cell) get() uint64 {
	switch c.size {
	case sizeOfSpan:
		return numberOfSpan(*(**mspan)(c.at))
	case 1:
		return uint64(*(*uint8)(c.at))
	case 4:
		return uint64(*(*uint32)(c.at))
	}
	return *(*uint64)(c.at)
}

func (c cell) put(x uint64) {
	switch c.size {
	case sizeOfSpan:
		*(**mspan)(c.at) = spanOfNumber(x)
	case 1:
		*(*uint8)(c.at) = uint8(x)
	case 4:
		*(*uint32)(c.at) = uint32(x)
	default:
		*(*uint64)(c.at) = x
	}
}

func newWorld(t *trial) *world {
	giveBack()
	physPageSize = 8
	h := &mheap_
	h.pages = pageAlloc{}
	h.pages.scav.index.init(true, nil)
	w := &world{named: map[unsafe.Pointer]uint64{}, spans: t.Spans}
	for _, c := range t.Cells {
		found := place(c[0])
		w.cells, w.values = append(w.cells, found), append(w.values, c[1])
		w.named[found.at] = c[0]
	}
	return w
}

func (w *world) reset() {
	mheap_.lock.held = false
	for _, s := range w.spans {
		span := &mspans[s[0]]
		span.startAddr, span.npages = uintptr(s[1]), uintptr(s[2])
		arena(uint(arenaIndex(span.startAddr)))
		if s[3] == 0 {
			span = nil
		}
		mheap_.setSpans(uintptr(s[1]), uintptr(s[2]), span)
	}
	for i, c := range w.cells {
		c.put(w.values[i])
	}
}

func arena(ai uint) *heapArena {
	h := &mheap_
	l1, l2 := arenaIdx(ai).l1(), arenaIdx(ai).l2()
	if h.arenas[l1] == nil {
		h.arenas[l1] = new([1 << arenaL2Bits]*heapArena)
	}
	if h.arenas[l1][l2] == nil {
		h.arenas[l1][l2] = new(heapArena)
	}
	return h.arenas[l1][l2]
}

// place is where a word is; its name is a kind and an index.
func place(name uint64) cell {
	i, x := uint(name&(1<<48-1)), &mheap_.pages.scav.index
	switch name >> 48 {
	case cellZeroedBase:
		return cell{unsafe.Pointer(&arena(i).zeroedBase), 8}
	case cellIndexWord:
		madeReady(unsafe.Pointer(&x.chunks[i]))
		return cell{unsafe.Pointer(&x.chunks[i]), 8}
	case cellSearchAddrBg:
		return cell{unsafe.Pointer(&x.searchAddrBg), 8}
	case cellSearchAddrForce:
		return cell{unsafe.Pointer(&x.searchAddrForce), 8}
	case cellMinHeapIdx:
		return cell{unsafe.Pointer(&x.minHeapIdx), 8}
	case cellFreeHWM:
		return cell{unsafe.Pointer(&x.freeHWM), 8}
	case cellGen:
		return cell{unsafe.Pointer(&x.gen), 4}
	case cellPageInUse:
		return cell{unsafe.Pointer(&arena(i >> 10).pageInUse[i&1023]), 1}
	case cellPageMarks:
		return cell{unsafe.Pointer(&arena(i >> 10).pageMarks[i&1023]), 1}
	case cellSpanSweepgen:
		return cell{unsafe.Pointer(&mspans[i].sweepgen), 4}
	case cellSweepActive:
		return cell{unsafe.Pointer(&sweep.active.state), 4}
	case cellSweepgen:
		return cell{unsafe.Pointer(&mheap_.sweepgen), 4}
	case cellLock:
		return cell{unsafe.Pointer(&mheap_.lock), 1}
	case cellSpan:
		ha := arena(uint(arenaIndex(uintptr(i) * pageSize)))
		return cell{unsafe.Pointer(&ha.spans[i%pagesPerArena]), sizeOfSpan}
	}
	panic("a word of no kind that is known")
}

const (
	cellZeroedBase = iota + 1
	cellIndexWord
	cellSearchAddrBg
	cellSearchAddrForce
	cellMinHeapIdx
	cellFreeHWM
	cellGen
	cellLock
	cellPageInUse
	cellPageMarks
	cellSpanSweepgen
	cellSweepActive
	cellSweepgen
	cellSpan
)

const (
	callAllocNeedsZero = iota + 1
	callIndexFind
	callIndexAlloc
	callIndexFree
	callIndexSetEmpty
	callIndexNextGen
	callLock
	callUnlock
	callReclaimChunk
	callAcquire
	callPublish
)

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func run(c call) (uint64, uint64) {
	h := &mheap_
	x := &h.pages.scav.index
	switch c[0] {
	case callAllocNeedsZero:
		return truth(h.allocNeedsZero(uintptr(c[1]), uintptr(c[2]))), 0
	case callIndexFind:
		ci, page := x.find(c[1] != 0)
		return uint64(ci), uint64(page)
	case callIndexAlloc:
		x.alloc(chunkIdx(c[1]), uint(c[2]))
	case callIndexFree:
		x.free(chunkIdx(c[1]), uint(c[2]), uint(c[3]))
	case callIndexSetEmpty:
		x.setEmpty(chunkIdx(c[1]))
	case callIndexNextGen:
		x.nextGen()
	case callLock:
		lock(&h.lock)
	case callUnlock:
		unlock(&h.lock)
	case callReclaimChunk:
		return uint64(h.reclaimChunk([]arenaIdx{arenaIdx(c[1])}, uintptr(c[2]), uintptr(c[3]))), 0
	case callAcquire:
		l := sweepLocker{sweepGen: h.sweepgen, valid: true}
		s, ok := l.tryAcquire(&mspans[c[1]])
		if ok {
			s.sweep(false)
		}
		return truth(ok), 0
	case callPublish:
		s := &mspans[c[1]]
		h.setSpans(s.base(), s.npages, s)
		atomic.Store(&s.sweepgen, h.sweepgen)
		page := s.base() / pageSize
		atomic.Or8(&arena(uint(arenaIndex(s.base()))).pageInUse[page%pagesPerArena/8], 1<<(page%8))
	default:
		panic("a call that is not known")
	}
	return 0, 0
}
