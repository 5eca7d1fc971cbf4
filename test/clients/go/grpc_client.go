package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// newGRPCClient keeps a connection for each server.
func newGRPCClient() func(cell) {
	connections := map[string]*grpc.ClientConn{}
	return func(c cell) {
		connection, known := connections[c.server]
		if !known {
			connection = dial(c)
			connections[c.server] = connection
		}
		ctx, cancel := context.WithTimeout(context.Background(), cellTime)
		defer cancel()
		for _, header := range c.headers {
			ctx = metadata.AppendToOutgoingContext(ctx, header[0], header[1])
		}
		call(ctx, connection, c)
	}
}

func dial(c cell) *grpc.ClientConn {
	connection, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(c.url, "http://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(c.host),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(8<<20)))
	if err != nil {
		panic(err)
	}
	return connection
}

func call(ctx context.Context, connection *grpc.ClientConn, c cell) {
	switch {
	case c.flags["deadline"]:
		short, cancel := context.WithTimeout(withCall(ctx), 300*time.Millisecond)
		defer cancel()
		exchange(short, connection, c, "Hang", 0)
		tellEnd(short, ctx, connection, c)
	case c.flags["cancel"]:
		cancelled(withCall(ctx), connection, c)
	case c.flags["hundred"]:
		hundred(ctx, connection, c)
	case c.flags["ten"]:
		exchange(ctx, connection, c, c.method, 10)
	default:
		exchange(ctx, connection, c, c.method, 1)
	}
}

// exchange sends messages, reads all that comes, and says it.
func exchange(ctx context.Context, connection *grpc.ClientConn, c cell, method string, messages int) {
	stream, err := open(ctx, connection, method)
	if err != nil {
		c.say("status", status.Code(err))
		return
	}
	message := []byte(c.body)
	for range messages {
		stream.SendMsg(&message)
	}
	stream.CloseSend()
	head, _ := stream.Header()
	came, total := 0, 0
	for err = stream.RecvMsg(&message); err == nil; err = stream.RecvMsg(&message) {
		came, total = came+1, total+len(message)
	}
	c.say("messages", fmt.Sprint(came, " of ", total, " bytes"))
	sayEnd(c, err, head, stream.Trailer())
}

func open(ctx context.Context, connection *grpc.ClientConn, method string) (grpc.ClientStream, error) {
	streams := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	return connection.NewStream(ctx, streams, "/test.Echo/"+method)
}

func sayEnd(c cell, err error, head, tail metadata.MD) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	code := status.Code(err)
	if c.name == "deadline" && code == codes.Canceled {
		code = codes.DeadlineExceeded // It is chance whether the client's clock or the server's is first.
	}
	c.say("status", code)
	if message := status.Convert(err).Message(); c.name != "deadline" {
		c.say("message", message)
	}
	for name, values := range head {
		c.say("head "+name, fmt.Sprintf("%q", values))
	}
	for name, values := range tail {
		c.say("tail "+name, fmt.Sprintf("%q", values))
	}
}

// cancelled gives a call up when its head has come, and asks the server whether it noticed.
func cancelled(ctx context.Context, connection *grpc.ClientConn, c cell) {
	short, cancel := context.WithCancel(ctx)
	stream, err := open(short, connection, "Hang")
	if err == nil {
		_, err = stream.Header()
	}
	cancel()
	if err == nil {
		err = stream.RecvMsg(&[]byte{})
	}
	c.say("status", status.Code(err))
	tellEnd(ctx, ctx, connection, c)
}

// withCall names a call, so that the server can be asked about it.
func withCall(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-call", fmt.Sprint(rand.Uint64()))
}

// tellEnd asks whether the server noticed the end of the call that the first context names.
func tellEnd(named, ctx context.Context, connection *grpc.ClientConn, c cell) {
	names, _ := metadata.FromOutgoingContext(named)
	var message []byte
	stream, err := open(metadata.NewOutgoingContext(ctx, names), connection, "Ended")
	if err == nil {
		stream.CloseSend()
		err = stream.RecvMsg(&message)
	}
	c.say("at the server", fmt.Sprint(string(message), map[bool]string{false: " " + status.Code(err).String()}[err == nil]))
}

// hundred makes calls one after the other, over as many connections as the server wants.
func hundred(ctx context.Context, connection *grpc.ClientConn, c cell) {
	failed := map[string]int{}
	for range 100 {
		message := []byte(c.body)
		if err := connection.Invoke(ctx, "/test.Echo/Unary", &message, &message); err != nil {
			failed[status.Code(err).String()]++
		}
	}
	c.say("failed", failed)
}
