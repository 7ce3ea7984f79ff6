package egress

import (
	"cmp"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"autonoma"
)

// A passage is one connection to a host, or one request, from its decision to its end.
type passage struct {
	session        *Session
	host           string
	port           int
	sent, received atomic.Int64

	mu  sync.Mutex
	why error // why it was refused, or came to nothing
}

func (w *passage) address() string { return addressOf(w.host, w.port) }

func addressOf(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// refused says why the passage is not made, or ends. The first word counts.
func (w *passage) refused(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.why == nil {
		w.why = err
	}
}

// send counts what is sent, and reports whether it may be.
func (w *passage) send(n int) error {
	w.sent.Add(int64(n))
	return w.count(&w.session.sent, n, w.session.limits.Sent, "sent")
}

// receive counts what is received, and reports whether it may be.
func (w *passage) receive(n int) error {
	w.received.Add(int64(n))
	return w.count(&w.session.received, n, w.session.limits.Received, "received")
}

func (w *passage) count(sum *atomic.Int64, n int, most int64, what string) error {
	if sum.Add(int64(n)) <= most {
		return nil
	}
	err := overLimit(what)
	w.refused(err)
	return err
}

// close tells what became of it.
func (w *passage) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := autonoma.Egress{Host: w.host, Port: w.port, Allowed: true, Count: 1, Sent: w.sent.Load(), Received: w.received.Load()}
	if w.why != nil {
		r := asRefusal(w.host, w.why)
		e.Reason, e.Detail, e.Allowed = r.code, r.text, r.code == autonoma.EgressUnreachable
	}
	w.session.told.add(e)
}

// metered counts what is read.
type metered struct {
	io.ReadCloser
	count func(int) error
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if over := m.count(n); over != nil {
		return 0, over
	}
	return n, err
}

// mostTold is how many hosts are told apart. A command can think of any number.
const mostTold = 64

// A tally sums up decisions.
type tally struct {
	mu    sync.Mutex
	kinds map[autonoma.Egress]*autonoma.Egress // by what is the same in those that are summed
}

func (t *tally) add(e autonoma.Egress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind := e
	kind.Count, kind.Sent, kind.Received = 0, 0, 0
	sum := t.kinds[kind]
	if sum == nil && len(t.kinds) >= mostTold {
		kind = autonoma.Egress{Host: "others", Allowed: e.Allowed, Reason: e.Reason}
		sum = t.kinds[kind]
	}
	if sum == nil {
		if t.kinds == nil {
			t.kinds = map[autonoma.Egress]*autonoma.Egress{}
		}
		first := kind
		sum = &first
		t.kinds[kind] = sum
	}
	sum.Count += e.Count
	sum.Sent += e.Sent
	sum.Received += e.Received
}

func (t *tally) all() []autonoma.Egress {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []autonoma.Egress
	for _, e := range t.kinds {
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b autonoma.Egress) int {
		if a.Allowed != b.Allowed {
			if b.Allowed {
				return -1
			}
			return 1
		}
		return cmp.Or(strings.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), strings.Compare(string(a.Reason), string(b.Reason)))
	})
	return all
}
