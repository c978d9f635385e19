// A server and its clients on loopback: answers of many sizes, some as JSON. It is built with the recording runtime
// (test_recording.py).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

const clients = 32

func answer(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if n%3 == 0 {
		if err := json.NewEncoder(w).Encode(map[string]any{"n": n, "numbers": make([]int, n%700)}); err != nil {
			log.Print(err)
		}
		return
	}
	if _, err := w.Write(make([]byte, n*7919%250000)); err != nil {
		log.Print(err)
	}
}

func ask(client *http.Client, address string, n int) (int64, error) {
	got, err := client.Get("http://" + address + "/?n=" + strconv.Itoa(n))
	if err != nil {
		return 0, err
	}
	defer got.Body.Close()
	return io.Copy(io.Discard, got.Body)
}

func main() {
	requests := 2000
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil {
			log.Fatal(err)
		}
		requests = n
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", answer)
	go func() { log.Print(http.Serve(listener, nil)) }()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var all sync.WaitGroup
	for first := 0; first < clients; first++ {
		all.Add(1)
		go func(first int) {
			defer all.Done()
			for n := first; n < requests; n += clients {
				if _, err := ask(client, listener.Addr().String(), n); err != nil {
					log.Fatal(err)
				}
			}
		}(first)
	}
	all.Wait()
	fmt.Println("requests:", requests)
}
