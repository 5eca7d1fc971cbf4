// Clients and servers in Go that the table of test/clients runs: `serve <address>`, `http` and `h2c` and `grpc` read
// cells from standard input, one a line, and print what they saw.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

func main() {
	switch os.Args[1] {
	case "serve":
		serveHTTP(os.Args[2])
		serveGRPC(os.Args[2])
		fmt.Println(`{"ready":true}`)
		select {}
	case "http":
		eachCell(newHTTPClient(false))
	case "h2c":
		eachCell(newHTTPClient(true))
	case "grpc":
		eachCell(newGRPCClient())
	}
}

// cell is one line of the input: a request, and the server that it is for.
type cell struct {
	server, name, method, url, host, body string
	flags                                 map[string]bool
	headers                               [][2]string
}

func eachCell(run func(cell)) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		run(parse(lines.Text()))
	}
}

// parse splits `server case method url host body flags header=value…` at tabs.
func parse(line string) cell {
	f := strings.Split(line, "\t")
	c := cell{server: f[0], name: f[1], method: f[2], url: f[3], host: f[4], flags: map[string]bool{}}
	if f[5] != "" {
		var size int
		fmt.Sscan(f[5], &size)
		c.body = strings.Repeat("x", size)
	}
	for _, flag := range strings.Split(f[6], ",") {
		c.flags[flag] = true
	}
	for _, header := range f[7:] {
		name, value, _ := strings.Cut(header, "=")
		c.headers = append(c.headers, [2]string{name, value})
	}
	return c
}

// say prints one thing that was seen in a cell.
func (c cell) say(field string, value any) {
	text := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(fmt.Sprint(value))
	fmt.Printf("%s\t%s\t%s\t%s\n", c.server, c.name, field, text)
}
