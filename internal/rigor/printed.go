package rigor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"
	"unicode"

	"autonoma/internal/scan"
	"autonoma/internal/testlog"
)

// printed is what a check prints, taken in while it runs: an excerpt for people, and
// the digest and the size of all of it, and its tests.
type printed struct {
	excerpt excerpt

	mu    sync.Mutex // both streams of a command come here
	sum   hash.Hash
	bytes int64
	tests testlog.Log
}

func newPrinted() *printed { return &printed{excerpt: excerpt{keep: checkOutput}, sum: sha256.New()} }

// Write implements [io.Writer]. It never fails.
func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes += int64(len(b))
	_, _ = p.sum.Write(b)
	_, _ = p.tests.Write(b)
	return p.excerpt.Write(b)
}

// describe adds to a check what it printed. How the check ended is known.
func (p *printed) describe(c *Check) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.Digest, c.Bytes, c.Tests = hex.EncodeToString(p.sum.Sum(nil)), p.bytes, p.tests.Tests()
	if c.Tests != nil {
		for i, name := range c.Tests.Failing { // a program can call its tests what it likes
			c.Tests.Failing[i] = scan.Redact(name)
		}
	}
	if !c.OK() {
		c.Output = scan.Redact(p.excerpt.String()) // it is told to many
	}
}

// Tools are the versions of the programs that commands had, as the programs say
// themselves, by name.
type Tools map[string]string

// asks are what to ask for the versions of what a language needs. Only what answers
// at once is asked.
var asks = map[string][]string{
	"Go":         {"go version"},
	"JavaScript": {"node --version"},
	"TypeScript": {"node --version"},
	"Python":     {"python3 --version"},
	"Rust":       {"rustc --version", "cargo --version"},
	"Java":       {"java -version"},
	"Kotlin":     {"java -version"},
}

// toolTime is how long the programs may take to say their versions.
const toolTime = 20 * time.Second

// versions asks the programs of the project's languages for their versions, where its
// commands are run and as they are run. What does not answer is left out.
func (x *execution) versions(ctx context.Context, b *bench) (Tools, error) {
	var questions []string
	asked := map[string]bool{}
	for _, language := range x.look.languages() {
		for _, q := range asks[language] {
			if !asked[q] {
				asked[q] = true
				questions = append(questions, fmt.Sprintf(`v=$(%s 2>&1) && printf '\n%s%s %%s' "${v%%%%$'\n'*}"`, q, toolMark, strings.Fields(q)[0]))
			}
		}
	}
	if len(questions) == 0 {
		return nil, nil
	}
	out := &excerpt{keep: checkOutput}
	if _, err := b.run(ctx, strings.Join(questions, "; "), toolTime, out); err != nil {
		return nil, fmt.Errorf("versions of tools: %w", err)
	}
	return parseVersions(out.String()), nil
}

// toolMark begins a line with the name and the version of a tool.
const toolMark = "=tool "

// parseVersions reads what the tools said.
func parseVersions(text string) Tools {
	found := Tools{}
	for line := range strings.Lines(text) {
		line, ok := strings.CutPrefix(line, toolMark)
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		version = strings.TrimSpace(version)
		if !ok || version == "" || len(version) > 200 || strings.ContainsFunc(version, unicode.IsControl) {
			continue
		}
		found[name] = version
	}
	return found
}
