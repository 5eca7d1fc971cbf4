package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// cellTime is the longest that one cell may take.
const cellTime = 5 * time.Second

// newHTTPClient keeps its connections over all cells. With prior knowledge it speaks HTTP/2 and nothing else.
func newHTTPClient(priorKnowledge bool) func(cell) {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(!priorKnowledge)
	protocols.SetUnencryptedHTTP2(priorKnowledge)
	transport := &http.Transport{Protocols: protocols, ExpectContinueTimeout: time.Second}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return func(c cell) { ask(client, c) }
}

func ask(client *http.Client, c cell) {
	ctx, cancel := context.WithTimeout(context.Background(), cellTime)
	defer cancel()
	response, err := client.Do(requestOf(ctx, c))
	if err != nil {
		c.say("error", kindOf(err))
		return
	}
	defer response.Body.Close()
	c.say("status", response.StatusCode)
	for name, values := range response.Header {
		c.say("header "+strings.ToLower(name), strings.Join(values, " | "))
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.say("error", kindOf(err))
		return
	}
	sum := sha256.Sum256(body)
	c.say("body", map[bool]string{true: string(body), false: fmt.Sprintf("%x", sum)}[len(body) < 300])
	for name, values := range response.Trailer {
		c.say("trailer "+strings.ToLower(name), strings.Join(values, " | "))
	}
}

func requestOf(ctx context.Context, c cell) *http.Request {
	var body io.Reader
	if c.body != "" {
		body = strings.NewReader(c.body)
	}
	if c.flags["chunked"] {
		body = io.MultiReader(body) // Hides the length.
	}
	request, err := http.NewRequestWithContext(ctx, c.method, c.url, body)
	if err != nil {
		panic(err)
	}
	request.Host = c.host
	for _, header := range c.headers {
		request.Header.Add(header[0], header[1])
	}
	if c.flags["expect"] {
		request.Header.Set("Expect", "100-continue")
	}
	if c.flags["trailer"] {
		request.Trailer = http.Header{"X-Sum": {"43"}}
	}
	return request
}

// kindOf says of an error what does not depend on how many hops there are.
func kindOf(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "timed out"
	}
	return "failed"
}
