// Package atomic stands in for the runtime's: the same names, and each operation is told of before it is done.
package atomic

import "unsafe"

// An Op is one operation. Got is what the word held before it.
type Op struct {
	Kind     Kind
	At       unsafe.Pointer
	Old, New uint64
	Got      uint64
	OK       bool
}

type Kind uint8

// The kinds of operations; the last four are not atomic, and told of by others.
const (
	KindLoad Kind = iota + 1
	KindStore
	KindCAS
	KindAdd
	KindAnd
	KindOr
	KindRead
	KindWrite
	KindLock
	KindUnlock
)

// Step is called before an operation is done; it returns when the operation may be done.
// While nobody schedules, it is nil.
var Step func(*Op)

type word interface {
	~uint8 | ~uint32 | ~int32 | ~uint64 | ~int64 | ~uintptr
}

func do[T word](kind Kind, p *T, old, value T) (got T, ok bool) {
	var op *Op
	if Step != nil {
		op = &Op{Kind: kind, At: unsafe.Pointer(p), Old: uint64(old), New: uint64(value)}
		Step(op)
	}
	got, ok = *p, true
	switch kind {
	case KindStore:
		*p = value
	case KindCAS:
		ok = got == old
		if ok {
			*p = value
		}
	case KindAdd:
		*p = got + value
	case KindAnd:
		*p = got & value
	case KindOr:
		*p = got | value
	}
	if op != nil {
		op.Got, op.OK = uint64(got), ok
	}
	return
}

func load[T word](p *T) T {
	if Step == nil {
		return *p
	}
	got, _ := do(KindLoad, p, 0, 0)
	return got
}
func store[T word](p *T, v T)           { do(KindStore, p, 0, v) }
func cas[T word](p *T, old, new T) bool { _, ok := do(KindCAS, p, old, new); return ok }
func add[T word](p *T, delta T) T       { got, _ := do(KindAdd, p, 0, delta); return got + delta }

func Load(p *uint32) uint32                         { return load(p) }
func Load8(p *uint8) uint8                          { return load(p) }
func Load64(p *uint64) uint64                       { return load(p) }
func Loaduint(p *uint) uint                         { return *p }
func Loaduintptr(p *uintptr) uintptr                { return load(p) }
func Store(p *uint32, v uint32)                     { store(p, v) }
func Store8(p *uint8, v uint8)                      { store(p, v) }
func Store64(p *uint64, v uint64)                   { store(p, v) }
func Storeuintptr(p *uintptr, v uintptr)            { store(p, v) }
func Or8(p *uint8, v uint8)                         { do(KindOr, p, 0, v) }
func And8(p *uint8, v uint8)                        { do(KindAnd, p, 0, v) }
func Cas(p *uint32, old, new uint32) bool           { return cas(p, old, new) }
func Cas64(p *uint64, old, new uint64) bool         { return cas(p, old, new) }
func Casuintptr(p *uintptr, old, new uintptr) bool  { return cas(p, old, new) }
func Xadd(p *uint32, delta int32) uint32            { return add(p, uint32(delta)) }
func Xadd64(p *uint64, delta int64) uint64          { return add(p, uint64(delta)) }
func Xaddint64(p *int64, delta int64) int64         { return add(p, delta) }
func Xadduintptr(p *uintptr, delta uintptr) uintptr { return add(p, delta) }

type Uint8 struct{ value uint8 }

func (x *Uint8) Load() uint8                        { return load(&x.value) }
func (x *Uint8) Store(v uint8)                      { store(&x.value, v) }
func (x *Uint8) CompareAndSwap(old, new uint8) bool { return cas(&x.value, old, new) }
func (x *Uint8) Add(delta uint8) uint8              { return add(&x.value, delta) }

type Uint32 struct{ value uint32 }

func (x *Uint32) Load() uint32                        { return load(&x.value) }
func (x *Uint32) Store(v uint32)                      { store(&x.value, v) }
func (x *Uint32) CompareAndSwap(old, new uint32) bool { return cas(&x.value, old, new) }
func (x *Uint32) Add(delta uint32) uint32             { return add(&x.value, delta) }

type Int32 struct{ value int32 }

func (x *Int32) Load() int32                        { return load(&x.value) }
func (x *Int32) Store(v int32)                      { store(&x.value, v) }
func (x *Int32) CompareAndSwap(old, new int32) bool { return cas(&x.value, old, new) }
func (x *Int32) Add(delta int32) int32              { return add(&x.value, delta) }

type Uint64 struct{ value uint64 }

func (x *Uint64) Load() uint64                        { return load(&x.value) }
func (x *Uint64) Store(v uint64)                      { store(&x.value, v) }
func (x *Uint64) CompareAndSwap(old, new uint64) bool { return cas(&x.value, old, new) }
func (x *Uint64) Add(delta uint64) uint64             { return add(&x.value, delta) }

type Int64 struct{ value int64 }

func (x *Int64) Load() int64                        { return load(&x.value) }
func (x *Int64) Store(v int64)                      { store(&x.value, v) }
func (x *Int64) CompareAndSwap(old, new int64) bool { return cas(&x.value, old, new) }
func (x *Int64) Add(delta int64) int64              { return add(&x.value, delta) }

type Uintptr struct{ value uintptr }

func (x *Uintptr) Load() uintptr                        { return load(&x.value) }
func (x *Uintptr) Store(v uintptr)                      { store(&x.value, v) }
func (x *Uintptr) CompareAndSwap(old, new uintptr) bool { return cas(&x.value, old, new) }
func (x *Uintptr) Add(delta uintptr) uintptr            { return add(&x.value, delta) }

type Bool struct{ value uint8 }

func (x *Bool) Load() bool { return load(&x.value) != 0 }
func (x *Bool) Store(v bool) {
	var word uint8
	if v {
		word = 1
	}
	store(&x.value, word)
}
