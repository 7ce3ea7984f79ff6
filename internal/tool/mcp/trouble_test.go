package mcp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"autonoma/internal/model"
	"autonoma/internal/tool"
	"autonoma/internal/tool/mcp"
	"autonoma/internal/tool/mcp/mcptest"
)

// TestNotThere meets servers that cannot be met: the others serve all the same, and
// who asks for the reason gets it.
func TestNotThere(t *testing.T) {
	t.Parallel()
	servers := map[string]mcp.Server{"good": mcptest.Server(t, "good")}
	for _, name := range []string{"garbage", "ends", "silent", "deaf"} {
		s := mcptest.Server(t, name)
		s.Timeout = 2 * time.Second
		s.Env["TOKEN"] = "of-mine"
		servers[name] = s
	}
	servers["absent"] = mcp.Server{Command: []string{"no-such-program"}, Agents: []string{mcp.All}}
	servers["unset"] = mcp.Server{Command: []string{"cat"}, Env: map[string]mcp.Secret{"A": "${NOT_SET}"}, Agents: []string{mcp.All}}
	servers["closed"] = mcp.Server{URL: "http://127.0.0.1:1", Agents: []string{mcp.All}}
	s := open(t, servers, nil)
	begin := time.Now()
	c := offers(t, s)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if len(c.Notes) != len(servers)-1 || !slices.Contains(names(c), "mcp__good__mute") {
		t.Errorf("%q %v", c.Notes, names(c))
	}
	problems := map[string]string{
		"ends": "exit status 3; it said: no licence for ***", "silent": "did not answer within", "deaf": "did not answer within", "garbage": "invalid character",
		"absent": "executable file not found", "unset": "the variable NOT_SET is not set", "closed": "connection refused",
	}
	begin = time.Now()
	reports := s.Check(t.Context())
	if took := time.Since(begin); took > 1500*time.Millisecond {
		t.Errorf("those that could not be met a moment ago hold everybody up again, for %v", took)
	}
	for _, r := range reports {
		want := problems[r.Name]
		switch {
		case want == "" && (r.Problem != nil || r.Offers == 0):
			t.Errorf("%s: %d tools, %v", r.Name, r.Offers, r.Problem)
		case want != "" && (r.Problem == nil || !strings.Contains(r.Problem.Error(), want) || r.Fix == ""):
			t.Errorf("%s: %v (%s), want %s", r.Name, r.Problem, r.Fix, want)
		}
	}
}

func TestOldServer(t *testing.T) {
	t.Parallel()
	s := one(t, "old", func(s *mcp.Server) { s.Timeout = 3 * time.Second })
	c := offers(t, s)
	if got := succeeds(t, s, c, "mcp__it__add", nil); got != "added" {
		t.Errorf("it says %q", got)
	}
}

// TestDies lets a server die in the middle of calls: each fails, the next starts it
// anew, and at last it is left alone.
func TestDies(t *testing.T) {
	t.Parallel()
	s := one(t, "good", nil)
	c := offers(t, s)
	for range 4 {
		if got := fails(t, s, c, "mcp__it__die", nil); !strings.Contains(got, "may or may not have taken effect") {
			t.Errorf("the model is told %q", got)
		}
		succeeds(t, s, c, "mcp__it__mute", nil)
	}
	fails(t, s, c, "mcp__it__die", nil)
	if got := fails(t, s, c, "mcp__it__mute", nil); !strings.Contains(got, "nothing was done") {
		t.Errorf("the model is told %q", got)
	}
}

// TestTooHuge gets more than anybody should say at once.
func TestTooHuge(t *testing.T) {
	t.Parallel()
	s := one(t, "good", nil)
	c := offers(t, s)
	name := ""
	for _, o := range c.Offers {
		if o.Tool == "too huge" {
			name = o.Spec.Name
		}
	}
	fails(t, s, c, name, nil)
	succeeds(t, s, c, "mcp__it__mute", nil)
}

// TestHangs calls a tool that comes to no end, with and without patience.
func TestHangs(t *testing.T) {
	t.Parallel()
	web := serve(t, mcptest.Handler())
	for name, server := range map[string]mcp.Server{
		"stdio": mcptest.Server(t, "good"),
		"http":  {URL: web.URL, Agents: []string{mcp.All}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server.Timeout = 2 * time.Second
			s := open(t, map[string]mcp.Server{"it": server}, nil)
			c := offers(t, s)
			file := filepath.Join(t.TempDir(), "notes")
			if got := fails(t, s, c, "mcp__it__hang", note{file, "slow"}); !strings.Contains(got, "within 2s; the call may or may not") {
				t.Errorf("the model is told %q", got)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("called off")
			var ended sync.WaitGroup
			ended.Go(func() {
				if _, err := call(ctx, s, c, "mcp__it__hang", note{file, "cancelled"}); !errors.Is(err, why) {
					t.Errorf("a cancelled call says %v", err)
				}
			})
			for b := ""; !strings.Contains(b, "cancelled\n") && t.Context().Err() == nil; {
				read, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				b = string(read)
			}
			cancel(why)
			begin := time.Now()
			ended.Wait()
			if took := time.Since(begin); took > time.Second {
				t.Errorf("it took %v to end a call", took)
			}
			succeeds(t, s, c, "mcp__it__mute", nil)
		})
	}
}

// TestBlocked calls a server that does not read what it is told: neither the time
// limit nor the end of ctx waits for it, and at last it is started anew.
func TestBlocked(t *testing.T) {
	t.Parallel()
	s := one(t, "old", func(s *mcp.Server) { s.Timeout = time.Second })
	c := offers(t, s)
	tools := s.Tools(append(c.Offers, mcp.Offer{Server: "it", Tool: "sleep", Spec: model.ToolSpec{Name: "sleep"}}))
	long := model.Call{Name: "mcp__it__add", Args: `{"text":"` + strings.Repeat("x", 1<<20) + `"}`}
	if out, err := tools.Do(t.Context(), model.Call{Name: "sleep"}); err != nil || !out.Failed {
		t.Fatalf("%+v, %v", out, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	end, _ := ctx.Deadline()
	if out, err := tools.Do(ctx, long); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a cancelled call says %+v, %v", out, err)
	}
	if took := time.Since(end); took > time.Second {
		t.Errorf("it took %v to end a call", took)
	}
	var out tool.Outcome
	for range 2 { // one call more may be lost on it
		var err error
		if out, err = tools.Do(t.Context(), model.Call{Name: long.Name}); err != nil {
			t.Fatal(err)
		}
		if out.Text == "added" {
			return
		}
	}
	t.Errorf("at last it says %+v", out)
}

// TestNothingIsLeft closes the connections: neither the program is left nor what it
// started, and nothing is started any more.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	digits := fmt.Sprint(time.Now().UnixNano())
	s := one(t, "parent", func(s *mcp.Server) { s.Env["DIGITS"] = mcp.Secret(digits) })
	c := offers(t, s)
	if !running(digits) {
		t.Fatal("it started nothing")
	}
	begin := time.Now()
	s.Close()
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if running(digits) {
		t.Error("what it started still runs")
	}
	if got := fails(t, s, c, "mcp__it__mute", nil); !strings.Contains(got, "nothing was done") {
		t.Errorf("the model is told %q", got)
	}
}

// running reports whether there is a process that lives and has these digits in its
// arguments.
func running(digits string) bool {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	return slices.ContainsFunc(all, func(path string) bool {
		argv, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(argv), digits)
	})
}

// TestBreaksOff loses the connection in the middle of a call, and before one.
func TestBreaksOff(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	handler := mcptest.Handler()
	web := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(w, r)
	}))
	s := open(t, map[string]mcp.Server{"it": {URL: web.URL, Agents: []string{mcp.All}, Timeout: 10 * time.Second}}, nil)
	c := offers(t, s)
	file := filepath.Join(t.TempDir(), "notes")
	go func() {
		for b := ""; !strings.HasPrefix(b, "begun"); {
			read, _ := os.ReadFile(file)
			b = string(read)
		}
		web.CloseClientConnections()
	}()
	if got := fails(t, s, c, "mcp__it__hang", note{file, "begun"}); !strings.Contains(got, "may or may not have taken effect") {
		t.Errorf("in the middle: the model is told %q", got)
	}
	down.Store(true)
	if got := fails(t, s, c, "mcp__it__mute", nil); !strings.Contains(got, "may or may not have taken effect") {
		t.Errorf("before: the model is told %q", got)
	}
	down.Store(false)
	succeeds(t, s, c, "mcp__it__mute", nil)
}

// TestRestarted calls a server that was started anew and has forgotten everybody: one
// call fails, for nobody knows whether it was made, and the next is made.
func TestRestarted(t *testing.T) {
	t.Parallel()
	var handler atomic.Pointer[http.Handler]
	restart := func() { h := mcptest.Handler(); handler.Store(&h) }
	restart()
	web := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load()).ServeHTTP(w, r) }))
	s := open(t, map[string]mcp.Server{"it": {URL: web.URL, Agents: []string{mcp.All}}}, nil)
	c := offers(t, s)
	succeeds(t, s, c, "mcp__it__mute", nil)
	restart()
	fails(t, s, c, "mcp__it__mute", nil)
	succeeds(t, s, c, "mcp__it__mute", nil)
}
