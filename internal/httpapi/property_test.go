package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"autonoma/internal/httpapi"
)

// TestAnything sends every operation of the document anything: what it describes,
// nearly that, and what nobody would think of. Nothing makes the server fail, every
// answer is as documented, and every refusal says why.
//
// What is sent is drawn from AUTONOMA_TEST_SEED, if that is set.
func TestAnything(t *testing.T) {
	requests := 3_000
	// One request follows the other, so the race detector learns nothing from the rest.
	if os.Getenv("AUTONOMA_TEST_REQUIRE") == "1" && !raced {
		requests = 20_000
	}
	seed := rand.Uint64()
	if v := os.Getenv("AUTONOMA_TEST_SEED"); v != "" {
		seed = must(strconv.ParseUint(v, 10, 64))(t)
	}
	t.Logf("AUTONOMA_TEST_SEED=%d", seed)
	k := newParts(t)
	m := &monkey{kit: k, Rand: rand.New(rand.NewPCG(seed, 0)), handler: httpapi.New(k.cfg), seen: map[string][]string{}, statuses: map[int]int{}}
	operations := m.operations()
	for i := range requests {
		op := operations[i%len(operations)] // each as often
		m.send(op)
		if t.Failed() {
			t.Fatalf("request %d of %s %s", i, op.method, op.path)
		}
	}
	t.Logf("%d requests to %d operations: %v", requests, len(operations), m.statuses)
	for _, status := range []int{200, 202, 400, 404, 415, 422} {
		if m.statuses[status] == 0 {
			t.Errorf("nothing was answered with %d: the requests are not as various as they should be", status)
		}
	}
}

// A monkey sends whatever comes to its mind.
type monkey struct {
	*kit
	*rand.Rand
	handler  http.Handler
	seen     map[string][]string // values that answers held, by the name of the field
	statuses map[int]int
}

type target struct {
	method, path string
	*openapi3.Operation
}

// operations are all operations of the document, in order.
func (k *kit) operations() []target {
	var all []target
	for _, path := range slices.Sorted(maps.Keys(k.doc.Paths.Map())) {
		item := k.doc.Paths.Value(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			all = append(all, target{method, path, item.GetOperation(method)})
		}
	}
	return all
}

// one reports true once in n times.
func (m *monkey) one(n int) bool { return m.IntN(n) == 0 }

func oneOf[T any](m *monkey, all ...T) T { return all[m.IntN(len(all))] }

// send sends one request and looks at the answer.
func (m *monkey) send(op target) {
	m.t.Helper()
	path, query, header := op.path, url.Values{}, http.Header{}
	for _, p := range op.Parameters {
		switch v := p.Value; v.In {
		case "path":
			path = strings.ReplaceAll(path, "{"+v.Name+"}", url.PathEscape(m.name(v.Name)))
		case "query":
			if m.one(2) {
				query.Add(v.Name, m.text(m.value(v.Schema, 0)))
			}
		case "header":
			if m.one(3) {
				header.Set(v.Name, m.visible(m.text(m.value(v.Schema, 0))))
			}
		}
	}
	if m.one(40) {
		query.Add("nobody-knows", "1")
	}
	body := m.body(op, header)
	ctx, cancel := context.WithTimeout(m.t.Context(), 5*time.Second)
	defer cancel()
	if strings.HasSuffix(op.path, "/events") {
		header.Set("Accept", "application/json") // a stream of what does not happen has no end
	}
	r := httptest.NewRequestWithContext(ctx, op.method, path+"?"+query.Encode(), bytes.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	if !m.one(50) {
		r.Header.Set("Authorization", "Bearer "+oneOf(m, m.operator, m.operator, m.bob, m.ann, m.reader))
	}
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	answer := reply{resp, must(io.ReadAll(resp.Body))(m.t)}
	m.statuses[resp.StatusCode]++
	if resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable {
		m.t.Errorf("%s %s?%s\n%s\nis answered with %d %s", op.method, path, query.Encode(), body, resp.StatusCode, answer.body)
	}
	m.asDocumented(answer)
	m.remember(answer.body)
}

// name is something to name a thing by in a path: mostly what an answer did.
func (m *monkey) name(parameter string) string {
	if known := m.seen[parameter]; len(known) > 0 && !m.one(4) {
		return oneOf(m, known...)
	}
	return oneOf(m, "task_000000000000", "coder-ai", "..", "%2e%2e", "a b", "ä", strings.Repeat("x", 300), "'; DROP TABLE runs", "\x00")
}

// remember keeps the names that an answer holds.
func (m *monkey) remember(body []byte) {
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return
	}
	for key, v := range object {
		text, ok := v.(string)
		if !ok || !strings.HasSuffix(strings.ToLower(key), "id") && key != "name" {
			continue
		}
		for _, parameter := range []string{key, "webhookId", "keyId", "tenantId", "approvalId", "knowledgeId", "name"} {
			if key != "id" && parameter != key {
				continue
			}
			if m.seen[parameter] = append(m.seen[parameter], text); len(m.seen[parameter]) > 50 {
				m.seen[parameter] = m.seen[parameter][1:]
			}
		}
	}
}

// body is what is sent to an operation: mostly what it wants.
func (m *monkey) body(op target, header http.Header) []byte {
	if op.RequestBody == nil {
		return nil
	}
	header.Set("Content-Type", "application/json")
	if m.one(40) {
		header.Set("Content-Type", oneOf(m, "text/plain", "application/xml", "application/json; charset=latin-1", "multipart/form-data", "/"))
	}
	if m.one(60) {
		header.Set("Content-Encoding", "gzip")
	}
	text, err := json.Marshal(m.value(op.RequestBody.Value.Content["application/json"].Schema, 0))
	if err != nil {
		m.t.Fatal(err)
	}
	if m.one(15) { // and something happens on the way
		switch n := m.IntN(len(text) + 1); m.IntN(5) {
		case 0:
			text = text[:n]
		case 1:
			text = slices.Concat(text[:n], []byte{byte(m.IntN(256))}, text[n:])
		case 2:
			text = append(text, text...)
		case 3:
			text = []byte(strings.Repeat("[", m.IntN(5000)) + strings.Repeat("]", m.IntN(5000)))
		case 4:
			text = slices.Concat([]byte(`{"a":1,`), text[min(1, len(text)):])
		}
	}
	return text
}

// value is mostly what a schema describes.
func (m *monkey) value(ref *openapi3.SchemaRef, depth int) any {
	if ref == nil || ref.Value == nil || depth > 6 {
		return nil
	}
	s := ref.Value
	switch {
	case m.one(25):
		return m.odd(depth)
	case len(s.AnyOf) > 0:
		return m.value(oneOf(m, s.AnyOf...), depth)
	case len(s.OneOf) > 0:
		return m.value(oneOf(m, s.OneOf...), depth)
	case len(s.Enum) > 0:
		return oneOf(m, s.Enum...)
	case s.Type.Includes("object"):
		return m.object(s, depth)
	case s.Type.Includes("array"):
		list := []any{}
		for range m.IntN(3) + int(s.MinItems) {
			list = append(list, m.value(s.Items, depth+1))
		}
		return list
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		return oneOf[any](m, 1, 20, 100, 1000)
	case s.Type.Includes("boolean"):
		return m.one(2)
	case s.Type.Includes("string"):
		return m.word(s)
	}
	return m.odd(depth)
}

func (m *monkey) object(s *openapi3.Schema, depth int) any {
	object := map[string]any{}
	for name, property := range s.Properties {
		needed := slices.Contains(s.Required, name)
		if needed && !m.one(30) || !needed && m.one(3) {
			object[name] = m.value(property, depth+1)
		}
	}
	if m.one(30) {
		object[oneOf(m, "", "nobodyKnows", "__proto__", "Task", "task\x00")] = m.odd(depth)
	}
	return object
}

func (m *monkey) word(s *openapi3.Schema) string {
	if s.Format == "date-time" {
		return time.Now().Add(time.Duration(m.IntN(1000)-100) * time.Hour).Format(time.RFC3339)
	}
	for _, known := range m.seen {
		if m.one(30) {
			return oneOf(m, known...)
		}
	}
	return oneOf(m, "Write a note.", "a", "coder-ai", "work", "https://example.com/hook", "task.completed", fmt.Sprint("n", m.IntN(1000)))
}

// odd is something that nobody would think of.
func (m *monkey) odd(depth int) any {
	return oneOf[any](m, nil, true, -1, 0, 1e300, -1e-300, 1<<53+1, "", " ", "\x00", "\u202e\ufeff", "null", "-1", "../../etc/passwd",
		strings.Repeat("x", 1+m.IntN(20_000)), strings.Repeat("ä", 300), []any{}, []any{nil, []any{1}}, map[string]any{}, map[string]any{"a": map[string]any{"b": depth}},
		"{{ input.x }}", "http://169.254.169.254/", "1; DROP TABLE runs", "2026-13-45", "9999999999999999999999")
}

// text is how a value stands in a query or a header.
func (m *monkey) text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b)
}

// visible is what may stand in a header.
func (m *monkey) visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text[:min(len(text), 1000)])
}
