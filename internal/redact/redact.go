// Package redact keeps the secrets of an installation out of what is stored, logged
// and told.
//
// A [Redactor] is told what the secrets are, and puts a mark with the name in the
// place of each: as it is, and as it looks in JSON, in URLs, in base64 wherever it
// begins in there, and in hexadecimal. The same text always becomes the same text,
// and a text that was redacted stays as it is, so it does not matter how often, and
// what was redacted before it was stored can be played again.
//
// This is the second lock on a door. The first is that no secret is where agents and
// their commands could find it; somebody who has a secret and wants to get it through
// here can, a few letters at a time.
package redact

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"sync"
)

// window is how much of a form decides whether a closer look is worth it. No form is
// shorter.
const window = 8

// A Redactor knows secrets. It may be used by many goroutines at once; nil knows none.
//
// It looks at a text in strides (after Wu and Manber): the two bytes at the end of a
// window say how far away the next place is at which any form could begin, which is
// the whole window in most of all cases.
type Redactor struct {
	mu     sync.RWMutex
	known  map[string]string // secrets, and what they are called
	stride [math.MaxUint16 + 1]uint8
	forms  map[uint64][]form // by their first bytes
}

// A form is how a secret may look.
type form struct{ text, mark string }

// New returns a Redactor that knows no secret yet.
func New() *Redactor {
	r := &Redactor{known: map[string]string{}, forms: map[uint64][]form{}}
	for i := range r.stride {
		r.stride[i] = window - 1
	}
	return r
}

// A Weak secret is one that is not redacted: it is so short or so simple that it would
// be found in texts that have nothing to do with it.
type Weak struct{ Name string }

func (w *Weak) Error() string {
	return w.Name + " is not taken out of what is stored and told, for it looks like a word; a secret must have 20 bytes, or 8 with letters and digits"
}

// weak reports whether a secret could be a word, as in "password" and "not-needed",
// which servers on one's own machine are content with.
func weak(secret string) bool {
	kinds := 0
	for _, set := range []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"} {
		if strings.ContainsAny(secret, set) {
			kinds++
		}
	}
	return len(secret) < window || len(secret) < 20 && kinds < 2
}

var nameForm = regexp.MustCompile(`[^A-Za-z0-9_. /-]+`)

// Add makes a secret known from now on, under a name that is told in its place. One
// that was replaced stays known: it may be good for a while, and in a text for ever.
// The error is a [*Weak].
func (r *Redactor) Add(name, secret string) error {
	if r == nil || secret == "" {
		return nil
	}
	name = nameForm.ReplaceAllString(name, "_")
	if weak(secret) {
		return &Weak{name}
	}
	r.mu.RLock()
	_, known := r.known[secret]
	r.mu.RUnlock()
	if known {
		return nil
	}
	all := forms(secret)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[secret] = name
	for _, text := range all {
		if len(text) < window {
			continue
		}
		first := binary.LittleEndian.Uint64([]byte(text[:window]))
		r.forms[first] = append(r.forms[first], form{text, "[redacted: " + name + "]"})
		for at := range window - 1 {
			block := uint16(text[at]) | uint16(text[at+1])<<8
			r.stride[block] = min(r.stride[block], uint8(window-2-at))
		}
	}
	return nil
}

// AddLines makes a secret of several lines known, such as the file of a private key,
// by each line that could not be in other texts as well.
func (r *Redactor) AddLines(name, text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) >= 20 && !strings.HasPrefix(line, "-----") {
			_ = r.Add(name, line) // long enough
		}
	}
}

// Text returns the text without secrets.
func (r *Redactor) Text(text string) string {
	if r == nil {
		return text
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.text(r.wrapped(text))
}

func (r *Redactor) text(text string) string {
	if at, _ := r.next(text, 0); at < 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	done := 0
	for {
		at, found := r.next(text, done)
		if at < 0 {
			b.WriteString(text[done:])
			return b.String()
		}
		b.WriteString(text[done:at] + found.mark)
		done = at + len(found.text)
	}
}

// next returns where, from an index on, the first form is, the longest if there are
// several, or -1.
func (r *Redactor) next(text string, from int) (at int, found form) {
	for i := from; i+window <= len(text); {
		if s := r.stride[uint16(text[i+window-2])|uint16(text[i+window-1])<<8]; s > 0 {
			i += int(s)
			continue
		}
		w := text[i : i+window]
		first := uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
			uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
		for _, f := range r.forms[first] {
			if len(f.text) > len(found.text) && strings.HasPrefix(text[i:], f.text) {
				found = f
			}
		}
		if found.text != "" {
			return i, found
		}
		i++
	}
	return -1, form{}
}

// JSON returns the document without secrets in its strings, however they are escaped
// there. It stays a document of the same shape.
func (r *Redactor) JSON(doc []byte) []byte {
	if r == nil || !r.suspicious(doc) {
		return doc
	}
	var b bytes.Buffer
	b.Grow(len(doc))
	for rest := doc; len(rest) > 0; {
		from := bytes.IndexByte(rest, '"')
		if from < 0 {
			b.Write(rest)
			break
		}
		to := from + 1
		for to < len(rest) && rest[to] != '"' {
			if rest[to] == '\\' {
				to++
			}
			to++
		}
		to = min(to+1, len(rest))
		b.Write(rest[:from])
		b.Write(r.literal(rest[from:to]))
		rest = rest[to:]
	}
	return b.Bytes()
}

// suspicious reports whether a document has to be read string by string: one without
// a form and without letters that are escaped for no reason has no secret.
func (r *Redactor) suspicious(doc []byte) bool {
	if bytes.Contains(doc, []byte(`\u`)) || bytes.Contains(doc, []byte(`\/`)) {
		return true
	}
	text := string(doc)
	r.mu.RLock()
	defer r.mu.RUnlock()
	at, _ := r.next(text, 0)
	return at >= 0 || folded(text)
}

// literal returns a string of a document, in its quotes, without secrets.
func (r *Redactor) literal(quoted []byte) []byte {
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return []byte(r.Text(string(quoted)))
	}
	clean := r.Text(text)
	if clean == text {
		return quoted
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(clean) // a string cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// maxLine is how much of a line without end is kept back.
const maxLine = 1 << 20

// Writer returns a writer that passes on whole lines, without secrets. What is left of
// a line at the end is passed on by Close.
func (r *Redactor) Writer(w io.Writer) io.WriteCloser { return &lines{redactor: r, to: w} }

type lines struct {
	redactor *Redactor
	to       io.Writer

	mu   sync.Mutex
	held []byte
}

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = append(l.held, p...)
	whole := bytes.LastIndexByte(l.held, '\n') + 1
	if len(l.held)-whole > maxLine {
		whole = len(l.held)
	}
	if err := l.pass(whole); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *lines) pass(n int) error {
	if n == 0 {
		return nil
	}
	_, err := io.WriteString(l.to, l.redactor.Text(string(l.held[:n])))
	l.held = append(l.held[:0], l.held[n:]...)
	if err != nil {
		return fmt.Errorf("write without secrets: %w", err)
	}
	return nil
}

// Close passes on what is left.
func (l *lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pass(len(l.held))
}
