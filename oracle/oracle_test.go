package oracle

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"autonoma/internal/model"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/script"
	"autonoma/internal/model/wire"
)

// A side is one of the two clients: it continues a conversation, answers each
// call with result, and stops when there are no more calls.
type side func(ctx context.Context, t *testing.T, url string, r model.Request) ([]said, error)

// said is what an answer means, whoever reports it.
type said struct {
	ID, Text string
	Calls    []model.Call
	Usage    model.Usage
	Stop     model.StopReason
}

func result(c model.Call) string { return c.Name + " says " + c.Args }

// ours is a side that goes through one of our wires.
func ours(base string, open func(wire.Config) model.Model) side {
	return func(ctx context.Context, t *testing.T, url string, r model.Request) ([]said, error) {
		m := open(wire.Config{
			Info:    model.Info{Provider: "p", Name: "m", Effort: "high"},
			BaseURL: url + base,
			Key:     "k",
		})
		var all []said
		for {
			a, err := model.Collect(m.Turn(ctx, r), nil)
			if err != nil {
				return all, err
			}
			all = append(all, said{a.ID, a.Message.Text, a.Message.Calls, a.Usage, a.Stop})
			if a.Stop != model.StopCalls {
				return all, nil
			}
			r.Messages = append(r.Messages, a.Message)
			for _, c := range a.Message.Calls {
				r.Messages = append(r.Messages, model.Message{Role: model.Tool, Answer: c.ID, Text: result(c)})
			}
			r.Messages = modeltest.Journaled(t, r.Messages)
		}
	}
}

// A recorder is a server that plays a script and keeps what it is sent.
type recorder struct {
	*httptest.Server
	script *script.Server
	mu     sync.Mutex
	bodies [][]byte
}

func record(t *testing.T, yaml string) *recorder {
	r := &recorder{script: script.NewServer(modeltest.Script(t, yaml))}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		r.mu.Lock()
		r.bodies = append(r.bodies, body)
		r.mu.Unlock()
		req.Body = io.NopCloser(bytes.NewReader(body))
		r.script.ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

const conversation = `
name: oracle
conversations:
- turns:
  - thinking: "First I look – then I leap."
    text: "Two & <two>. 你好"
    calls:
    - {name: bash, args: {command: "echo \"<ok>\" && ls"}}
    - {name: read, args: {path: "a b.go"}}
    usage: {input: 1200, output: 80, cacheRead: 1000, cacheWrite: 7}
  - calls: [{name: read, args: {path: ü.go, deep: {a: [1, 2.5, null, true]}}}]
    usage: {input: 10, output: 3}
  - thinking: "Hm."
    text: "Let me see."
    calls: [{name: bash, args: {command: ls}}]
    usage: {input: 10, output: 3}
  - text: "Done."
    usage: {input: 11, output: 4}
`

// compare holds the same conversation on both sides. normal takes out of a
// request, from either side, the differences that are meant.
func compare(t *testing.T, our, sdk side, normal func(any) any) {
	t.Helper()
	type heard struct {
		said   []said
		bodies []any
	}
	var both []heard
	for _, s := range []side{our, sdk} {
		srv := record(t, conversation)
		all, err := s(t.Context(), t, srv.URL, modeltest.Ask("repair <it> & test it"))
		if err != nil {
			t.Fatalf("%v\n%+v", err, srv.script.Log())
		}
		h := heard{said: all}
		for i := range h.said {
			if e := srv.script.Log()[i]; h.said[i].ID != e.Response || !e.Sent {
				t.Errorf("turn %d has id %q, the server says %+v", i, h.said[i].ID, e)
			}
			h.said[i].ID = ""
		}
		for _, b := range srv.bodies {
			var v any
			// ids of responses are random; what is derived from them may be too
			text := string(b)
			for k, e := range srv.script.Log() {
				text = strings.ReplaceAll(text, e.Response, "response-"+string(rune('0'+k)))
			}
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
			h.bodies = append(h.bodies, normal(v))
		}
		both = append(both, h)
	}
	if !reflect.DeepEqual(both[0].said, both[1].said) {
		t.Errorf("results differ\nours %+v\nSDK  %+v", both[0].said, both[1].said)
	}
	if len(both[0].bodies) != 4 || len(both[1].bodies) != 4 {
		t.Fatalf("%d and %d requests", len(both[0].bodies), len(both[1].bodies))
	}
	for i := range both[0].bodies {
		if a, b := pretty(t, both[0].bodies[i]), pretty(t, both[1].bodies[i]); a != b {
			t.Errorf("request %d differs\nours %s\nSDK  %s", i, a, b)
		}
	}
}

func pretty(t *testing.T, v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// cutOff holds a conversation whose first answer ends, cleanly, in the middle.
// That the SDK calls it a success is why our wires exist: if this ever fails,
// the SDK has learned it.
func cutOff(t *testing.T, our, sdk side) {
	t.Helper()
	const yaml = `conversations: [{turns: [{text: "The first half is good, the second half is better.", fail: [{cut: true, clean: true, forever: true}]}]}]`
	if _, err := our(t.Context(), t, record(t, yaml).URL, modeltest.Ask("x")); model.KindOf(err) != model.Cut {
		t.Errorf("ours: %v, want an error of kind cut", err)
	}
	all, err := sdk(t.Context(), t, record(t, yaml).URL, modeltest.Ask("x"))
	t.Logf("SDK: %+v, %v", all, err)
	if err != nil {
		t.Errorf("the SDK notices a cut stream now: %v", err)
	}
}

// walk applies f to all objects in v, from the inside out.
func walk(v any, f func(map[string]any)) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = walk(e, f)
		}
		f(v)
	case []any:
		for i, e := range v {
			v[i] = walk(e, f)
		}
	}
	return v
}

// args is the meaning of arguments: SDKs may write them with other spaces.
func args(t *testing.T, raw string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(raw)); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return b.String()
}

func schemaOf(t *testing.T, s model.ToolSpec) map[string]any {
	var m map[string]any
	if err := json.Unmarshal(s.Schema, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
