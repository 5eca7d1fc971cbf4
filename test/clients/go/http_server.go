package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

// serveHTTP listens: HTTP/1.1 on 8001; 1.1, 2 and the upgrade from one to the other on 8002 and 8003.
func serveHTTP(address string) {
	both := h2c.NewHandler(http.HandlerFunc(answer), &http2.Server{})
	for port, handler := range map[int]http.Handler{8001: http.HandlerFunc(answer), 8002: both, 8003: both} {
		go http.Serve(listen(address, port), handler)
	}
}

func listen(address string, port int) net.Listener {
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address, port))
	if err != nil {
		log.Fatal(err)
	}
	return listener
}

func answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-App", "go")
	h.Set("Content-Type", "text/plain")
	switch r.URL.Path {
	case "/plain":
		io.WriteString(w, "hello\n")
	case "/chunked":
		parts(w, "one\n", "two\n")
	case "/empty":
		w.WriteHeader(204)
	case "/same":
		h.Set("ETag", `"v1"`)
		h.Del("Content-Type") // Go leaves it out over HTTP/1.1 only.
		w.WriteHeader(304)
	case "/error":
		w.WriteHeader(500)
		io.WriteString(w, "it failed\n")
	case "/moved":
		h.Set("Location", "/plain")
		w.WriteHeader(302)
	case "/cookies":
		h.Add("Set-Cookie", "a=1")
		h.Add("Set-Cookie", "b=2; Path=/")
	case "/many":
		h.Add("X-Many", "one")
		h.Add("X-Many", "two")
	case "/big":
		io.WriteString(w, strings.Repeat("0123456789abcdef", 65536))
	case "/trailers":
		h.Set("Trailer", "X-Sum")
		parts(w, "one\n", "two\n")
		h.Set("X-Sum", "42")
	case "/hints":
		h.Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(103)
		io.WriteString(w, "hello\n")
	case "/refuse":
		w.WriteHeader(417)
	case "/broken":
		h.Set("Content-Length", "100")
		parts(w, "one\n")
		panic(http.ErrAbortHandler)
	case "/cut":
		parts(w, "one\n")
		panic(http.ErrAbortHandler)
	case "/echo":
		echo(w, r)
	default:
		w.WriteHeader(404)
	}
}

func parts(w http.ResponseWriter, texts ...string) {
	for _, text := range texts {
		io.WriteString(w, text)
		w.(http.Flusher).Flush()
	}
}

// echo says what of the request came.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Host", r.Host)
	h := r.Header
	fmt.Fprintf(w, "%s %s body=%d %.6x type=%s test=%s agent=%t trailer=%s\n", r.Method, r.RequestURI,
		len(body), sha256.Sum256(body), h.Get("Content-Type"), strings.Join(h.Values("X-Test"), "|"),
		h.Get("User-Agent") != "", r.Trailer.Get("X-Sum"))
}
