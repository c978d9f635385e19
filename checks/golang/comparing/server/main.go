// Serves a page allocator that stands alone inside the real runtime, over pipes: the harness's protocol.
package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"runtime"
)

const (
	requestBytes  = 4 * 8
	answerBytes   = 5 * 8
	statusUnknown = 2
	opNew         = 1
	opDump        = 11
	opThrown      = 12
)

func main() {
	in, out := bufio.NewReaderSize(os.Stdin, 1<<16), bufio.NewWriterSize(os.Stdout, 1<<16)
	word := binary.LittleEndian
	made := false
	var request [requestBytes]byte
	for {
		if in.Buffered() < requestBytes {
			out.Flush()
		}
		if _, err := io.ReadFull(in, request[:]); err != nil {
			out.Flush()
			return
		}
		op, a, b, c := word.Uint64(request[0:]), word.Uint64(request[8:]), word.Uint64(request[16:]), word.Uint64(request[24:])
		if op == opDump || op == opThrown { // nothing is known of either: a throw ends the process
			out.Write(make([]byte, 8))
			continue
		}
		var answer [answerBytes]byte
		status, digest := uint64(statusUnknown), uint64(0)
		var r [3]uint64
		if op == opNew {
			made = runtime.SpanproofNew(a, b, c)
			if made {
				status, digest = 0, runtime.SpanproofDigest()
			}
		} else if made {
			status, r, digest = runtime.SpanproofCall(op, a, b, c)
		}
		word.PutUint64(answer[0:], status)
		for i, x := range r {
			word.PutUint64(answer[8+8*i:], x)
		}
		word.PutUint64(answer[32:], digest)
		out.Write(answer[:])
	}
}
