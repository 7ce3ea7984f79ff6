package rigor_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"autonoma/internal/model"
)

// A command of an agent writes a line of a gigabyte. The model sees its beginning and
// its end, a file of the run keeps a part, and the server is as small as before.
func TestLineOfAGigabyte(t *testing.T) {
	const bytes = 1 << 30
	s := open(t, greeting, explorer, `
  - match: {phase: generate}
    turns:
      - calls: [{name: bash, args: {command: "printf begin; head -c `+strconv.Itoa(bytes)+` /dev/zero | tr '\\0' x; printf end"}}]
      - calls: [{name: bash, args: {command: "du -k $HOME/output-*.txt"}}]
      - calls: [{name: finish, args: {document: Read., summary: Read., confidence: 1}}]
`)
	j := s.job("req-ai", mvp())
	before := peakMemory(t)
	s.must(j)
	answers := map[string]string{}
	for _, r := range s.asked {
		for _, m := range r.Messages {
			if m.Role == model.Tool {
				answers[m.Answer] = m.Text
			}
		}
	}
	var long, kept string
	for _, text := range answers {
		switch {
		case strings.HasPrefix(text, "begin"):
			long = text
		case strings.HasSuffix(strings.TrimSpace(text), ".txt"):
			kept = text
		}
	}
	if len(long) > 64<<10 || !strings.Contains(long, "bytes left out") || !strings.HasSuffix(long, "xxend") {
		t.Errorf("the model is told %d bytes: %.100s", len(long), long)
	}
	if kib, _, ok := strings.Cut(kept, "\t"); !ok || len(kib) > 4 {
		t.Errorf("kept: %q", kept)
	}
	if grown := peakMemory(t) - before; grown > 96<<20 {
		t.Errorf("the server grew by %d MiB", grown>>20)
	}
}

// peakMemory is the most that this process has had resident, in bytes.
func peakMemory(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	f := strings.Fields(rest)
	kib, err := strconv.Atoi(f[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
