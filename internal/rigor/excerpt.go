package rigor

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// How much of an output is kept, whoever prints it: bytes of its head, and of its
// tail. All the rest only goes by.
const (
	shownOutput = 8 << 10  // of a command that a model asked for
	checkOutput = 4 << 10  // of a check that failed
	coverOutput = 64 << 10 // of what measures coverage, where the figures are
)

// An excerpt keeps the head and the tail of what is written to it, and puts the
// first few megabytes of all of it into a file when it leaves something out.
type excerpt struct {
	keep   int                      // bytes of the head, and of the tail
	create func() (*os.File, error) // makes the file where all of it goes; nil: there is none
	most   int64                    // bytes that go there
	name   string                   // what a model is told the file is called

	mu      sync.Mutex
	head    []byte
	tail    []byte
	omitted int
	all     *os.File
	written int64
}

// Write implements [io.Writer]. It never fails: a command must not die of an
// output that cannot be kept.
func (e *excerpt) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(p)
	e.save(p)
	room := min(e.keep-len(e.head), n)
	e.head = append(e.head, p[:room]...)
	if p = p[room:]; len(p) > e.keep {
		e.omitted += len(p) - e.keep
		p = p[len(p)-e.keep:]
	}
	e.tail = append(e.tail, p...)
	if over := len(e.tail) - e.keep; over > 0 {
		e.tail = e.tail[:copy(e.tail, e.tail[over:])]
		e.omitted += over
	}
	return n, nil
}

// save keeps everything in the file, from the moment on at which it is clear that
// the head will not do.
func (e *excerpt) save(p []byte) {
	if e.create == nil || e.written >= e.most || e.all == nil && len(e.head)+len(e.tail)+len(p) <= 2*e.keep {
		return
	}
	if e.all == nil {
		f, err := e.create()
		if err != nil {
			e.create = nil
			return
		}
		e.all = f
		e.written = int64(len(e.head) + len(e.tail))
		_, _ = f.Write(e.head)
		_, _ = f.Write(e.tail)
	}
	p = p[:max(0, min(int64(len(p)), e.most-e.written))]
	e.written += int64(len(p))
	_, _ = e.all.Write(p)
}

// String returns what was kept, as text.
func (e *excerpt) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.omitted == 0 {
		return strings.ToValidUTF8(string(e.head)+string(e.tail), "�")
	}
	note := ""
	switch {
	case e.all != nil && e.written >= e.most:
		note = fmt.Sprintf("; the first %d are in %s", e.written, e.name)
	case e.all != nil:
		note = "; all of it is in " + e.name
	}
	return fmt.Sprintf("%s\n… (%d bytes left out%s) …\n%s", strings.ToValidUTF8(string(e.head), "�"), e.omitted, note, strings.ToValidUTF8(string(e.tail), "�"))
}

// Close closes the file.
func (e *excerpt) Close() {
	if e.all != nil {
		e.all.Close()
	}
}
