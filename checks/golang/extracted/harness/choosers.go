package main

import "spanproof/extracted/atomic"

// chooser is the way in which a trial wants its schedules.
func (t *trial) chooser() chooser {
	switch {
	case t.Choices != nil:
		return &given{choices: t.Choices}
	case t.Seed != 0:
		return newDrawn(t.Seed, len(t.Threads))
	}
	return &everyOne{}
}

// An everyOne goes through all schedules, depth first.
type everyOne struct {
	choices, widths []int // of this schedule: which of the threads that could go on, and how many could
	depth           int
}

func (e *everyOne) next(r *schedule) int {
	var able [8]int
	k := 0
	for i := range r.threads {
		if r.enabled(i) {
			able[k] = i
			k++
		}
	}
	if k == 0 {
		return -1
	}
	if e.depth == len(e.choices) {
		e.choices, e.widths = append(e.choices, 0), append(e.widths, k)
	}
	e.depth++
	return able[e.choices[e.depth-1]]
}

func (e *everyOne) more() bool {
	last := e.depth - 1
	for last >= 0 && e.choices[last]+1 >= e.widths[last] {
		last--
	}
	if last < 0 {
		return false
	}
	e.choices, e.widths, e.depth = e.choices[:last+1], e.widths[:last+1], 0
	e.choices[last]++
	return true
}

// A given schedule is one, and ends where its thread cannot go on.
type given struct {
	choices []int
	depth   int
}

func (g *given) next(r *schedule) int {
	if g.depth == len(g.choices) || !r.enabled(g.choices[g.depth]) {
		return -1
	}
	g.depth++
	return g.choices[g.depth-1]
}

func (g *given) more() bool { return false }

// A drawn schedule is one of partial order sampling: each operation that waits has a number that was drawn, the
// highest goes first, and those that it conflicts with draw anew. Rare orders of few conflicts come up much more often
// than when each step is drawn.
type drawn struct {
	state   uint64
	numbers []uint64
	waiting []*atomic.Op // whose numbers these are
}

func newDrawn(seed uint64, threads int) *drawn {
	return &drawn{state: seed, numbers: make([]uint64, threads), waiting: make([]*atomic.Op, threads)}
}

// draw is SplitMix64: the same numbers with any compiler.
func (d *drawn) draw() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *drawn) next(r *schedule) int {
	best := -1
	for i, t := range r.threads {
		if t.pending != d.waiting[i] {
			d.waiting[i], d.numbers[i] = t.pending, d.draw()
		}
		if r.enabled(i) && (best < 0 || d.numbers[i] > d.numbers[best]) {
			best = i
		}
	}
	if best < 0 {
		return -1
	}
	for i, other := range d.waiting {
		if i != best && other != nil && conflict(d.waiting[best], other) {
			d.numbers[i] = d.draw()
		}
	}
	return best
}

func (d *drawn) more() bool { return true }

// conflict says whether the order of two operations can matter.
func conflict(a, b *atomic.Op) bool {
	return a.At == b.At && (a.Kind != atomic.KindLoad || b.Kind != atomic.KindLoad)
}
