package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// raw passes messages on as the bytes that they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = append([]byte{}, data...); return nil }
func (raw) Name() string                       { return "proto" }

// serveGRPC listens on 8004, and on 8005, where no connection gets older than a fifth of a second.
func serveGRPC(address string) {
	age := grpc.KeepaliveParams(keepalive.ServerParameters{
		MaxConnectionAge: 200 * time.Millisecond, MaxConnectionAgeGrace: 5 * time.Second,
	})
	for port, options := range map[int][]grpc.ServerOption{8004: nil, 8005: {age}} {
		options = append(options, grpc.ForceServerCodec(raw{}))
		server := grpc.NewServer(append(options, grpc.MaxRecvMsgSize(8<<20))...)
		server.RegisterService(&service, nil)
		go server.Serve(listen(address, port))
	}
}

// Every method is a stream to the server; how it is called is the client's affair.
var service = grpc.ServiceDesc{ServiceName: "test.Echo", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{
	method("Unary", unary), method("Down", down), method("Up", up), method("Both", both), method("Fail", fail),
	method("Hang", hang), method("Ended", ended), method("Late", late),
}}

func method(name string, run func(grpc.ServerStream) error) grpc.StreamDesc {
	return grpc.StreamDesc{StreamName: name, ServerStreams: true, ClientStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error { return run(stream) }}
}

// unary gives back the message, and says in metadata which metadata came.
func unary(stream grpc.ServerStream) error {
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	came := metadataOf(stream)
	head := metadata.MD{"x-head": came["x-many"], "x-raw-bin": came["x-raw-bin"], "x-authority": came[":authority"]}
	if err := stream.SendHeader(head); err != nil {
		return err
	}
	stream.SetTrailer(metadata.Pairs("x-tail", "one", "x-tail", "two"))
	return stream.SendMsg(&message)
}

func down(stream grpc.ServerStream) error {
	for i := range 10 {
		message := fmt.Append(nil, "message ", i)
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	return nil
}

// late takes longer than a connection on port 8005 lives.
func late(stream grpc.ServerStream) error {
	for range 6 {
		message := []byte("late")
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

func up(stream grpc.ServerStream) error {
	var message []byte
	total := 0
	for stream.RecvMsg(&message) == nil {
		total += len(message)
	}
	sum := fmt.Append(nil, total)
	return stream.SendMsg(&sum)
}

func both(stream grpc.ServerStream) error {
	var message []byte
	for stream.RecvMsg(&message) == nil {
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	return nil
}

// fail answers with the status that the client asks for, and with no message when it asks for none.
func fail(stream grpc.ServerStream) error {
	came := metadataOf(stream)
	code, _ := strconv.Atoi(came["x-code"][0])
	message := ""
	if texts := came["x-text"]; len(texts) > 0 {
		message = "naïve: 100 % of it\nfailed"
	}
	return status.Error(codes.Code(code), message)
}

// calls has a channel for each call of Hang; it is closed when the call has ended.
var calls sync.Map

func callOf(stream grpc.ServerStream) chan struct{} {
	call, _ := calls.LoadOrStore(metadataOf(stream)["x-call"][0], make(chan struct{}))
	return call.(chan struct{})
}

func hang(stream grpc.ServerStream) error {
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	<-stream.Context().Done()
	close(callOf(stream))
	return context.Cause(stream.Context())
}

// ended tells whether a call of Hang ends.
func ended(stream grpc.ServerStream) error {
	message := []byte("it did not end")
	select {
	case <-callOf(stream):
		message = []byte("it has ended")
	case <-time.After(2 * time.Second):
	}
	return stream.SendMsg(&message)
}

func metadataOf(stream grpc.ServerStream) metadata.MD {
	came, _ := metadata.FromIncomingContext(stream.Context())
	return came
}
