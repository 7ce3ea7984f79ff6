package modeltest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autonoma/internal/model"
	"autonoma/internal/model/wire"
)

// A Recorder is an HTTP client's transport that keeps what is sent and answers
// with a prepared body.
type Recorder struct {
	Answer   string // a stream
	Requests []*http.Request
	Bodies   [][]byte
}

// RoundTrip keeps the request and answers.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.Requests, r.Bodies = append(r.Requests, req), append(r.Bodies, body)
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"text/event-stream"}},
		Body:       io.NopCloser(strings.NewReader(r.Answer)),
		Request:    req,
	}, nil
}

// Hear plays a stream, as a server has sent it, to a model and returns what the
// model makes of it.
func Hear(t testing.TB, open func(wire.Config) model.Model, stream string, r model.Request) (model.Answer, error) {
	t.Helper()
	m := open(wire.Config{
		Info: model.Info{Provider: "tested", Name: "m"},
		HTTP: (&Recorder{Answer: stream}).Client(),
	})
	return model.Collect(m.Turn(t.Context(), r), nil)
}

// HearAny plays a stream of any bytes and checks what holds for all of them: an
// error is a model.Error, and an answer can be given back to the model.
func HearAny(t testing.TB, open func(wire.Config) model.Model, stream string) {
	t.Helper()
	r := Ask("x")
	a, err := Hear(t, open, stream, r)
	if err != nil {
		if model.KindOf(err) == "" {
			t.Errorf("an error of no kind: %v", err)
		}
		return
	}
	r.Messages = append(r.Messages, Journaled(t, []model.Message{a.Message})...)
	ids := map[string]bool{"": true}
	for _, c := range a.Message.Calls {
		if ids[c.ID] {
			t.Errorf("id %q is empty or occurs twice", c.ID)
		}
		ids[c.ID] = true
		r.Messages = append(r.Messages, model.Message{Role: model.Tool, Answer: c.ID, Text: "ok"})
	}
	if u := a.Usage; min(u.InputTokens, u.OutputTokens, u.CacheReadTokens, u.CacheWriteTokens) < 0 {
		t.Errorf("negative usage %+v", u)
	}
	rec := &Recorder{}
	m := open(wire.Config{Info: model.Info{Provider: "tested", Name: "m"}, HTTP: rec.Client()})
	for range m.Turn(t.Context(), r) {
		break
	}
	if len(rec.Bodies) != 1 || !json.Valid(rec.Bodies[0]) {
		t.Errorf("the answer cannot be given back: %q", rec.Bodies)
	}
}

// Golden checks that the request that a model makes of r is the one in
// testdata/<name>.json. With -update it is written there.
func Golden(t *testing.T, update *bool, name string, open func(wire.Config) model.Model, c wire.Config, r model.Request) {
	t.Helper()
	rec := &Recorder{}
	c.HTTP = rec.Client()
	for range open(c).Turn(t.Context(), r) {
		break // there is no answer
	}
	if len(rec.Bodies) != 1 {
		t.Fatalf("%d requests", len(rec.Bodies))
	}
	var got bytes.Buffer
	fmt.Fprintf(&got, "%s %s\n", rec.Requests[0].Method, rec.Requests[0].URL)
	if err := json.Indent(&got, rec.Bodies[0], "", "  "); err != nil {
		t.Fatalf("%s: %v", rec.Bodies[0], err)
	}
	got.WriteByte('\n')
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the request is not that of %s; if that is meant, run go test -update and look at the difference\n%s", file, got.Bytes())
	}
}

// UpdateFlag defines -update. Call it once in a test package, for a variable.
func UpdateFlag() *bool { return flag.Bool("update", false, "write the golden files anew") }

// Long is a conversation with all that can be in one: calls in parallel, one
// of them failed and one without output, arguments that are malformed, and more
// from the user after results.
func Long() model.Request {
	r := Ask("Repair <it> & \"test\" it.")
	r.Messages = append(r.Messages,
		model.Message{Role: model.Assistant, Text: "Two at once.", Calls: []model.Call{
			{ID: "call_1", Name: "bash", Args: `{"command": "ls && true"}`},
			{ID: "functions.read:0", Name: "read", Args: `{"path": "half`},
		}},
		model.Message{Role: model.Tool, Answer: "call_1", Text: ""},
		model.Message{Role: model.Tool, Answer: "functions.read:0", Text: "malformed arguments", Failed: true},
		model.Message{Role: model.User, Text: "Be quick."},
		model.Message{Role: model.Assistant, Text: "Yes."},
		model.Message{Role: model.User, Text: "And?"},
	)
	return r
}

// Client returns an HTTP client that is recorded.
func (r *Recorder) Client() *http.Client { return &http.Client{Transport: r} }
