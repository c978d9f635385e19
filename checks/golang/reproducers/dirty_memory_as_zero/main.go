// Shows on the runtime that it is built with whether memory of make can be other than zero, as an ordinary user.
//
// Pages that are locked in memory cannot be returned to the system: madvise refuses them, and the mapping that the
// runtime tries instead would pass the limit on locked memory, as new mappings are to be locked too. The runtime does
// not look at that error, and marks the pages as scavenged. Give it a limit of 8 MiB on locked memory, and no
// capability to pass it. It ends with 3 where that cannot be set up.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
)

const (
	lockWhatComes = 2 // MCL_FUTURE
	size          = 1 << 20
	many          = 64
	locked        = 7 // of size bytes each: as many as the limit allows, but for a little
)

func must(what string, err error) {
	if err != nil {
		fmt.Printf("cannot be shown here: %s: %v\n", what, err)
		os.Exit(3)
	}
}

func main() {
	debug.SetGCPercent(-1)
	buffers := make([][]byte, many)
	for i := range buffers {
		buffers[i] = make([]byte, size)
		for j := range buffers[i] {
			buffers[i][j] = 0xff
		}
	}
	for _, buffer := range buffers[:locked] {
		must("mlock", syscall.Mlock(buffer))
	}
	must("mlockall", syscall.Mlockall(lockWhatComes))
	clear(buffers)
	debug.FreeOSMemory()

	dirty := 0
	for n := 0; n < many; n++ {
		buffer := make([]byte, size)
		for _, b := range buffer {
			if b != 0 {
				dirty++
				break
			}
		}
		buffers = append(buffers, buffer)
	}
	fmt.Printf("%s: %d of %d buffers of make are not zero\n", runtime.Version(), dirty, many)
	if dirty > 0 {
		os.Exit(1)
	}
}
