package goldentest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"autonoma"
)

// tell renders a run: a line for each event of its log, then its output with the gates.
// What differs from one run to the next has a name that does not.
func tell(t *testing.T, run autonoma.Run, log []autonoma.Event, places map[string]string) []byte {
	t.Helper()
	n := &names{places: places, given: map[string]string{}, counts: map[string]int{}}
	who := map[autonoma.ExecutionID]string{}
	for _, s := range run.Steps {
		who[s.Execution] = fmt.Sprintf(" %s/%s", s.ID, s.Agent)
	}
	var b bytes.Buffer
	for _, e := range log {
		data := n.plain(t, e.Data)
		fmt.Fprintf(&b, "%d %s%s", e.Seq, e.Kind, who[e.Execution])
		if m, ok := data.(map[string]any); ok {
			if phase, ok := m["phase"]; ok {
				fmt.Fprintf(&b, " %s", phase)
			}
			for _, shown := range []string{"step", "agent", "phase"} {
				if e.Execution != "" || shown == "phase" {
					delete(m, shown)
				}
			}
			brief(m)
		}
		fmt.Fprintf(&b, " %s\n", compact(t, data))
	}
	text, err := json.Marshal(run.Output)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "\n%s %s\n%s\n", run.Status, n.text(run.StatusDetail), indented(t, n.plain(t, text)))
	return b.Bytes()
}

// names gives what is new in every run the same names in every run.
type names struct {
	places map[string]string // paths
	given  map[string]string // ids, commits and trees
	counts map[string]int
}

// fresh are ids, and the names of commits and trees, some of them cut short.
var fresh = regexp.MustCompile(`\b([a-z]{2,5})_[0-9a-f]{12}\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{12}\b`)

// volatile are the fields whose values say when and where something was done, and how
// long it took.
var volatile = []string{
	"durationMs", "startedAt", "endedAt", "isolation", "provenBy", "notProven", "tools", "digest", "bytes", "usage", "newest", "size", "source",
}

// told are the same in texts.
var told = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`isolation: [a-z]+`), "isolation: LEVEL"},
	{regexp.MustCompile(`\b\d+\.\d+ s\b`), "N s"},
}

func (n *names) text(s string) string {
	for path, name := range n.places {
		s = strings.ReplaceAll(s, path, name)
	}
	for _, t := range told {
		s = t.is.ReplaceAllString(s, t.as)
	}
	return fresh.ReplaceAllStringFunc(s, func(id string) string {
		kind, _, of := strings.Cut(id, "_")
		if !of {
			kind, id = "object", id[:12]
		}
		if n.given[id] == "" {
			n.counts[kind]++
			n.given[id] = fmt.Sprintf("%s-%d", kind, n.counts[kind])
		}
		return n.given[id]
	})
}

// plain returns JSON as values, with names instead of what differs.
func (n *names) plain(t *testing.T, text json.RawMessage) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return n.steady(v)
}

func (n *names) steady(v any) any {
	switch v := v.(type) {
	case string:
		return n.text(v)
	case []any:
		for i := range v {
			v[i] = n.steady(v[i])
		}
	case map[string]any:
		if v["id"] == "performance_check" {
			delete(v, "score") // of two durations
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys) // so that names are given in the same order
		for _, k := range keys {
			if slices.Contains(volatile, k) {
				delete(v, k)
				continue
			}
			v[k] = n.steady(v[k])
		}
	}
	return v
}

// longest is how much of a text a line of the log shows.
const longest = 120

// brief shortens what a line would be too long for: texts to their beginning, and gates
// to what they came to, for the output has them whole. What is empty or as always is
// left out, and so is what only tells a call from others, and what finish says twice.
func brief(m map[string]any) {
	if m["name"] == "finish" && m["output"] == "finished" {
		delete(m, "result")
	}
	if m["args"] != nil || m["loop"] != nil || m["stop"] != nil {
		for _, k := range []string{"id", "index", "model"} {
			delete(m, k)
		}
	}
	for k, usual := range map[string]any{"role": "assistant", "stop": "calls", "round": 1.0} {
		if m[k] == usual {
			delete(m, k)
		}
	}
	for k, v := range m {
		m[k] = short(v)
		if all, ok := v.([]any); ok && k == "gates" {
			m[k] = verdicts(all)
		}
		if v == nil || v == "" || v == false {
			delete(m, k)
		}
	}
}

func short(v any) any {
	switch v := v.(type) {
	case string:
		if len(v) > longest {
			return strings.ToValidUTF8(v[:longest], "") + "… " + class(len(v))
		}
	case []any:
		for i := range v {
			v[i] = short(v[i])
		}
	case map[string]any:
		brief(v)
	}
	return v
}

// class says about how long a text is.
func class(bytes int) string {
	for _, most := range []int{1, 4, 16} {
		if bytes < most*1000 {
			return fmt.Sprintf("(below %d kB)", most)
		}
	}
	return "(long)"
}

// verdicts lists gates by what they came to.
func verdicts(all []any) map[string]any {
	by := map[string]any{}
	for _, g := range all {
		m, _ := g.(map[string]any)
		status, id := fmt.Sprint(m["status"]), fmt.Sprint(m["id"])
		had, _ := by[status].(string)
		by[status] = strings.TrimSpace(had + " " + id)
	}
	return by
}

func compact(t *testing.T, v any) string { return encode(t, v, "") }

func indented(t *testing.T, v any) string { return encode(t, v, "  ") }

func encode(t *testing.T, v any, indent string) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}
