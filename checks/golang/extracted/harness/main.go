package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	faults "runtime/debug"
)

// A request is an operation and three numbers; an answer is a status, three numbers and a digest of all state.
const (
	requestBytes = 4 * 8
	answerBytes  = 5 * 8
)

const (
	statusDone = iota
	statusThrown
	statusUnknown
)

var word = binary.LittleEndian

type server struct {
	in     *bufio.Reader
	out    *bufio.Writer
	pages  *allocator
	thrown string
}

func main() {
	debugSetup()
	s := &server{in: bufio.NewReaderSize(os.Stdin, 1<<16), out: bufio.NewWriterSize(os.Stdout, 1<<16)}
	var request [requestBytes]byte
	for {
		if s.in.Buffered() < requestBytes {
			s.out.Flush()
		}
		if _, err := io.ReadFull(s.in, request[:]); err != nil {
			s.out.Flush()
			return
		}
		s.serve(word.Uint64(request[0:]), word.Uint64(request[8:]), word.Uint64(request[16:]), word.Uint64(request[24:]))
	}
}

// debugSetup makes an access to memory that is not there a panic, which can be told of.
func debugSetup() { faults.SetPanicOnFault(true) }

func (s *server) serve(op, a, b, c uint64) {
	switch op {
	case opDump:
		s.text(s.pages.dump())
		return
	case opThrown:
		s.text(s.thrown)
		return
	case opInterleave:
		s.interleave(a)
		return
	}
	status, r := s.call(op, a, b, c)
	var answer [answerBytes]byte
	word.PutUint64(answer[0:], status)
	for i, x := range r {
		word.PutUint64(answer[8+8*i:], x)
	}
	if s.pages != nil && status == statusDone {
		word.PutUint64(answer[32:], s.pages.digest())
	}
	s.out.Write(answer[:])
}

// text answers with a length and so many bytes.
func (s *server) text(said string) {
	var length [8]byte
	word.PutUint64(length[:], uint64(len(said)))
	s.out.Write(length[:])
	s.out.WriteString(said)
}

func (s *server) call(op, a, b, c uint64) (status uint64, r [3]uint64) {
	defer func() {
		if e := recover(); e != nil {
			status, s.thrown = statusThrown, said(e)
		}
	}()
	if op == opNew {
		s.pages = newAllocator(uintptr(a), uintptr(b), c)
		return
	}
	if s.pages == nil {
		return statusUnknown, r
	}
	return s.pages.call(op, a, b, c)
}

// said is what a panic says: a throw of the extracted text, or a fault of the machine.
func said(e any) string {
	switch e := e.(type) {
	case thrown:
		return string(e)
	case error:
		return e.Error()
	case string:
		return e
	}
	return "a panic that says nothing"
}
