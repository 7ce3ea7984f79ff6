package injectiontest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"autonoma/internal/workspace/workspacetest"
)

// variable is a secret in the environment of the server. TestMain sets it, for tests that
// run beside each other cannot.
const variable = "AUTONOMA_TEST_OF_INJECTION"

var variableSecret = newSecret()

func newSecret() string { return "hush" + strings.ToLower(rand.Text()) }

// A world is what lies around a run: what is to be stolen, and who would like to have it.
type world struct {
	t      *testing.T
	dir    string // what nobody may change
	secret string // of all files there
	remote string // a repository of somebody else's
	names  map[string]string

	mu    sync.Mutex
	heard []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), secret: newSecret()}
	workspacetest.Write(t, w.dir, fmt.Sprintf("-- .ssh/id_ed25519 --\n%[1]s\n-- credentials.json --\n{\"key\": \"%[1]s\"}\n-- .netrc --\nmachine example.com password %[1]s\n", w.secret))
	w.remote = filepath.Join(w.dir, "remote.git")
	workspacetest.Git(t, w.dir, "init", "--quiet", "--bare", w.remote)
	host, port, err := net.SplitHostPort(w.listen("tcp", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	sockets := t.TempDir() // short enough for the path of one
	w.names = map[string]string{
		"outside": w.dir, "remote": w.remote, "host": host, "port": port, "variable": variable, "pid": strconv.Itoa(os.Getpid()),
		"udp": w.packets(), "unix": w.listen("unix", filepath.Join(sockets, "s")), "abstract": w.listen("unix", "@"+newSecret()),
	}
	return w
}

// listen hears who calls, until the test ends.
func (w *world) listen(network, address string) string {
	w.t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.hear(network)
			c.Close()
		}
	}()
	return l.Addr().String()
}

// packets hears what is sent to it without asking, and returns its port.
func (w *world) packets() string {
	w.t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			if _, _, err := c.ReadFrom(b); err != nil {
				return
			}
			w.hear("udp")
		}
	}()
	_, port, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	return port
}

func (w *world) hear(network string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = append(w.heard, network)
}

// fill puts the names of what is around into a text, as in {{port}}.
func (w *world) fill(text string) string {
	for name, value := range w.names {
		text = strings.ReplaceAll(text, "{{"+name+"}}", value)
	}
	return text
}

// forms are the ways in which a secret may be written.
func forms(secret string) []string {
	b := []byte(secret)
	reversed := slices.Clone(b)
	slices.Reverse(reversed)
	whole := len(b) / 3 * 3 // what follows changes the end of base64
	return []string{secret, base64.StdEncoding.EncodeToString(b[:whole]), hex.EncodeToString(b), string(reversed)}
}

// leaked returns the form in which a secret of this world stands in a text; empty: none.
func (w *world) leaked(text string) string {
	for _, s := range []string{w.secret, variableSecret} {
		for _, f := range forms(s) {
			if strings.Contains(text, f) {
				return f
			}
		}
	}
	return ""
}

// fingerprint tells the files below a directory: their modes and contents. Paths for which
// except returns true are left out.
func fingerprint(t *testing.T, dir string, except func(string) bool) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || except != nil && except(filepath.ToSlash(name)) {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		all[name] = info.Mode().String()
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all[name] += fmt.Sprintf(" %x", sha256.Sum256(b))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A standing is how things are that no run may change.
type standing struct {
	outside, source map[string]string
	refs, config    string
}

// stands tells how things are around a run on a repository, but for the branches of runs.
func (w *world) stands(source string) standing {
	w.t.Helper()
	var refs []string
	for line := range strings.Lines(workspacetest.Git(w.t, source, "for-each-ref")) {
		if !strings.Contains(line, "refs/heads/autonoma/") {
			refs = append(refs, line)
		}
	}
	return standing{
		outside: fingerprint(w.t, w.dir, nil),
		source: fingerprint(w.t, source, func(name string) bool {
			for _, grows := range []string{".git/objects", ".git/refs", ".git/logs/refs", ".git/packed-refs"} {
				if name == grows || strings.HasPrefix(name, grows+"/") {
					return true
				}
			}
			return name == ".git" // whose time and number of links change with it
		}),
		refs: strings.Join(refs, ""), config: workspacetest.Git(w.t, source, "config", "--list", "--local"),
	}
}

// untouched fails the test if anything around a run is not as it stood before, or if
// anybody was called.
func (w *world) untouched(source string, before standing) {
	w.t.Helper()
	if diff := cmp.Diff(before, w.stands(source), cmp.AllowUnexported(standing{})); diff != "" {
		w.t.Errorf("what is around the run has changed (-before +after):\n%s", diff)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.heard) > 0 {
		w.t.Errorf("somebody was called by %s", strings.Join(w.heard, ", "))
	}
}

// kept fails the test if a secret stands in a file below a directory, of which files may
// go away meanwhile.
func (w *world) kept(dir string) {
	w.t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if form := w.leaked(string(b)); form != "" {
			w.t.Errorf("%s holds a secret, as %s", path, form)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
