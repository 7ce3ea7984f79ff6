package httpapi_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/httpapi"
)

// A header that does not end is refused, and so is one that is too large.
func TestLargeHeader(t *testing.T) {
	k := newKit(t)
	conn := must(net.Dial("tcp", k.Listener.Addr().String()))(t)
	defer conn.Close()
	go func() {
		fmt.Fprintf(conn, "GET /livez HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("a", 1<<20))
	}()
	resp := must(http.ReadResponse(bufio.NewReader(conn), nil))(t)
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", resp.StatusCode)
	}
}

// A request that does not come to an end is answered in time, or dropped.
func TestSlowRequests(t *testing.T) {
	const head = "POST /v1/agents/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\nAuthorization: Bearer any\r\n"
	for _, tt := range []struct {
		name, sent string
		status     int
	}{
		{"no body", head + "\r\n", http.StatusRequestTimeout},
		{"half a body", head + "\r\n{\"task\": \"x", http.StatusRequestTimeout},
		{"half a head", head, 0},
		{"nothing", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := dial(t, httpapi.NewServer(httpapi.Config{Who: anybody}))
				began := time.Now()
				go func() { _, _ = io.WriteString(conn, tt.sent) }()
				text := must(io.ReadAll(conn))(t) // until the server hangs up
				status := 0
				if resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil); err == nil {
					status = resp.StatusCode
				}
				if took := time.Since(began); status != tt.status || took > time.Minute {
					t.Errorf("%d after %v: %s", status, took, text)
				}
			})
		})
	}
}

// A stream shows that it is alive, and goes on far beyond the limits that hold for
// other answers.
func TestQuietStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newParts(t)
		id := k.enqueue()
		conn := dial(t, httpapi.NewServer(k.cfg))
		go func() { _, _ = io.WriteString(conn, k.follow(id)) }()
		lines := bufio.NewScanner(conn)
		began, comments := time.Now(), 0
		for time.Since(began) < 5*time.Minute && lines.Scan() {
			if lines.Text() == ": still here" {
				comments++
			}
		}
		if comments < 19 || comments > 21 || lines.Err() != nil {
			t.Errorf("%d comments in %v: %v", comments, time.Since(began), lines.Err())
		}
	})
}

// A reader that takes nothing is dropped, and holds up nobody.
func TestStalledReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newParts(t)
		id := k.enqueue()
		conn := dial(t, httpapi.NewServer(k.cfg))
		if _, err := io.WriteString(conn, k.follow(id)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second) // of the bubble's
		if log := k.lines.String(); !strings.Contains(log, "events") || !strings.Contains(log, "timeout") {
			t.Errorf("it still hangs: %s", log)
		}
	})
}

// enqueue submits a task without a server.
func (k *kit) enqueue() autonoma.RunID {
	k.t.Helper()
	by := must(k.cfg.Who(k.t.Context(), k.ann))(k.t)
	run := must(k.tasks.Submit(k.t.Context(), by, autonoma.Request{Task: "x", Capabilities: []autonoma.Capability{autonoma.Build}}))(k.t)
	return run.ID
}

// follow is a request for the events of a task, as sent.
func (k *kit) follow(id autonoma.RunID) string {
	return fmt.Sprintf("GET /v1/agents/tasks/%s/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", id, k.ann)
}

// dial connects to a server without a network, so that it can be done in a bubble
// of time.
func dial(t *testing.T, srv *http.Server) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	l := &oneConn{conns: make(chan net.Conn, 1)}
	l.conns <- theirs
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		ours.Close()
		srv.Close()
		<-done
	})
	return ours
}

// oneConn is a listener with one connection.
type oneConn struct{ conns chan net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l *oneConn) Close() error   { close(l.conns); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// What the document says about a task is what the nouns say.
func TestDocumentAgreesWithNouns(t *testing.T) {
	k := newKit(t)
	schema := k.doc.Components.Schemas["CreateTask"].Value
	good := func() autonoma.Request {
		return autonoma.Request{Task: "x", Capabilities: []autonoma.Capability{autonoma.Build}}
	}
	if err := ptr(good()).Normalize(); err != nil {
		t.Fatal(err)
	}
	n := int(*schema.Properties["task"].Value.MaxLength)
	for length, fine := range map[int]bool{n: true, n + 1: false} {
		req := good()
		req.Task = strings.Repeat("ä", length)
		if err := req.Normalize(); (err == nil) != fine {
			t.Errorf("a task of %d characters: %v", length, err)
		}
	}
	for field, set := range map[string]func(*autonoma.Request, string){
		"intelligence": func(r *autonoma.Request, v string) { r.Intelligence = autonoma.Intelligence(v) },
		"scope":        func(r *autonoma.Request, v string) { r.Scope = autonoma.Scope(v) },
		"priority":     func(r *autonoma.Request, v string) { r.Priority = autonoma.Priority(v) },
		"delivery":     func(r *autonoma.Request, v string) { r.Delivery = autonoma.Delivery(v) },
	} {
		property := schema.Properties[field].Value
		bare := good()
		if err := bare.Normalize(); err != nil {
			t.Fatal(err)
		}
		for _, v := range property.Enum {
			text, _ := v.(string) // null is the default
			req := good()
			set(&req, text)
			if err := req.Normalize(); err != nil {
				t.Errorf("%s %v: %v", field, v, err)
			}
		}
		def := good()
		set(&def, property.Default.(string))
		if err := def.Normalize(); err != nil || fmt.Sprint(def) != fmt.Sprint(bare) {
			t.Errorf("the default of %s is not %v", field, property.Default)
		}
	}
	if got := schema.Properties["capabilities"].Value.Items.Value.Enum; len(got) != len(autonoma.Capabilities) {
		t.Errorf("capabilities %v", got)
	}
	if required := schema.Required; !slices.Contains(required, "task") || !slices.Contains(required, "capabilities") || len(required) != 2 {
		t.Errorf("required are %v", required)
	}
	if got := len(k.doc.Components.Schemas["Problem"].Value.Properties["code"].Value.Enum); got != len(api.Codes()) {
		t.Errorf("%d codes", got)
	}
}

func ptr[T any](v T) *T { return &v }
