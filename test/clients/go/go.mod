module fsm.test/clients

go 1.25.0

require (
	golang.org/x/net v0.55.0
	google.golang.org/grpc v1.81.1
)

require (
	golang.org/x/sys v0.45.0 // indirect
	golang.org/x/text v0.37.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260226221140-a57be14db171 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)
