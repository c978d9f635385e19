// A program that is heavy on the garbage collector: goroutines that make trees, slices of all sizes, maps and deep
// stacks, and let most of it go again. It is built with the recording runtime.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

type node struct {
	left, right *node
	value       [3]int
}

func grown(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{left: grown(depth - 1), right: grown(depth - 1)}
}

// xorshift: the same work on every run.
type numbers uint64

func (n *numbers) below(limit int) int {
	x := *n
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*n = x
	return int(uint64(x) % uint64(limit))
}

func deep(n int) int {
	var room [512]byte
	room[n%len(room)] = byte(n)
	if n == 0 {
		return int(room[0])
	}
	return deep(n-1) + int(room[1])
}

func filled(size int) []byte {
	made := make([]byte, size)
	for i, b := range made {
		if b != 0 {
			panic(fmt.Sprintf("byte %d of %d is %#x", i, size, b))
		}
		made[i] = 0xa5
	}
	return made
}

func work(seed, rounds int) (kept int) {
	from := numbers(seed*2654435761 + 12345)
	var slices [16][]byte
	var trees [8]*node
	for i := 0; i < rounds; i++ {
		switch from.below(6) {
		case 0:
			trees[from.below(len(trees))] = grown(7)
		case 1:
			slices[from.below(len(slices))] = filled(1 << from.below(21))
		case 2:
			names := map[int]string{}
			for j := 0; j < 100; j++ {
				names[j] = strconv.Itoa(j)
			}
			kept += len(names)
		case 3:
			pointers := make([]*int, 1+from.below(3000))
			for j := range pointers {
				pointers[j] = new(int)
				kept += *pointers[j]
			}
		case 4:
			done := make(chan int)
			go func(n int) { done <- deep(n) }(from.below(200))
			kept += <-done
		case 5:
			slices[from.below(len(slices))] = nil
			if from.below(40) == 0 {
				debug.FreeOSMemory()
			}
		}
	}
	return kept
}

func main() {
	rounds := 300
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		rounds = n
	}
	var all sync.WaitGroup
	for seed := 1; seed <= 16; seed++ {
		all.Add(1)
		go func(seed int) {
			defer all.Done()
			work(seed, rounds)
		}(seed)
	}
	// Ps come and go, so that what is left in their page caches goes back to the page allocator.
	for number := 0; number < 20; number++ {
		runtime.GOMAXPROCS(1 + number%8)
		time.Sleep(5 * time.Millisecond)
	}
	all.Wait()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println(runtime.Version(), "collections:", stats.NumGC)
}
