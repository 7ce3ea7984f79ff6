package autonoma

import (
	"net"
	"strconv"
)

// Egress is the data of an [EventEgress]: whether commands that wanted to reach a
// host could, and what went there. What happened again within one command is told
// once, with how often it did.
type Egress struct {
	Phase    Phase      `json:"phase,omitempty"`
	By       EgressBy   `json:"by"`
	Host     string     `json:"host"` // as it was asked for; "others" where there were too many to tell apart
	Port     int        `json:"port"`
	Allowed  bool       `json:"allowed"`
	Reason   EgressCode `json:"reason,omitempty"` // why not; of one that was allowed, what went wrong
	Detail   string     `json:"detail,omitempty"`
	Count    int        `json:"count"` // connections, or requests without TLS
	Sent     int64      `json:"sentBytes"`
	Received int64      `json:"receivedBytes"`
}

// Address is where it went, or wanted to.
func (e Egress) Address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// An EgressBy is whose commands wanted to reach something.
type EgressBy string

// Whose commands have a way out.
const (
	EgressSetup EgressBy = "setup" // set-up, which installs dependencies
	EgressAgent EgressBy = "agent" // an agent's
)

// An EgressCode says why something was not reached.
type EgressCode string

// Why something is not reached.
const (
	EgressPolicy      EgressCode = "policy"      // the policy does not name it
	EgressAddress     EgressCode = "address"     // its name stands for an address that is not public
	EgressName        EgressCode = "name"        // what was asked for by TLS is another host, or hidden
	EgressProtocol    EgressCode = "protocol"    // it was not TLS that was spoken, nor HTTP
	EgressLimit       EgressCode = "limit"       // the command had sent or received all that it may
	EgressUnreachable EgressCode = "unreachable" // nobody refused, but it was not there
)
