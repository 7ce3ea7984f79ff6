package rigor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// What an excerpt shows is the beginning and the end of what was written, however
// it was cut into pieces.
func TestExcerpt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const keep = 10
		e := &excerpt{keep: keep}
		var all []byte
		for i := range rapid.IntRange(0, 8).Draw(t, "pieces") {
			piece := bytes.Repeat([]byte{byte('a' + i)}, rapid.IntRange(0, 3*keep).Draw(t, "bytes"))
			if n, err := e.Write(piece); n != len(piece) || err != nil {
				t.Fatalf("wrote %d of %d: %v", n, len(piece), err)
			}
			all = append(all, piece...)
		}
		want := string(all)
		if n := len(all); n > 2*keep {
			want = fmt.Sprintf("%s\n… (%d bytes left out) …\n%s", all[:keep], n-2*keep, all[n-keep:])
		}
		if got := e.String(); got != want {
			t.Fatalf("of %q it shows %q", all, got)
		}
	})
}

// All of a long output is in a file, whatever stood in its place, and nothing but
// that file is touched.
func TestExcerptFile(t *testing.T) {
	for _, tt := range []struct {
		name  string
		trap  func(t *testing.T, place, victim string)
		gone  bool // there is no home to write to
		short bool
	}{
		{name: "nothing", trap: func(*testing.T, string, string) {}},
		{name: "short output", trap: func(*testing.T, string, string) {}, short: true},
		{name: "an older file", trap: func(t *testing.T, place, _ string) {
			check(t, os.WriteFile(place, []byte("much older and longer"), 0o600))
		}},
		{name: "a link to a file", trap: func(t *testing.T, place, victim string) { check(t, os.Symlink(victim, place)) }},
		{name: "a hard link", trap: func(t *testing.T, place, victim string) { check(t, os.Link(victim, place)) }},
		{name: "a fifo", trap: func(t *testing.T, place, _ string) { check(t, syscall.Mkfifo(place, 0o600)) }},
		{name: "a directory", trap: func(t *testing.T, place, _ string) {
			check(t, os.MkdirAll(filepath.Join(place, "deep"), 0o700))
		}},
		{name: "a home that is a link", gone: true, trap: func(t *testing.T, place, victim string) {
			home := filepath.Dir(place)
			check(t, os.Remove(home))
			check(t, os.Symlink(filepath.Join(victim, "nowhere"), home))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &bench{private: t.TempDir()}
			home := filepath.Join(b.private, "home")
			check(t, os.Mkdir(home, 0o700))
			victim := filepath.Join(b.private, "victim")
			check(t, os.WriteFile(victim, []byte("mine"), 0o600))
			tt.trap(t, filepath.Join(home, "output-1.txt"), victim)

			e := &excerpt{keep: 4, most: 1 << 20, name: "$HOME/output-1.txt", create: func() (*os.File, error) { return b.create("output-1.txt") }}
			text := "a long output"
			if tt.short {
				text = "short"
			}
			for _, r := range text {
				fmt.Fprint(e, string(r))
			}
			shown := e.String()
			e.Close()
			if told := strings.Contains(shown, "all of it is in $HOME/output-1.txt"); told == (tt.gone || tt.short) {
				t.Errorf("shown is %q", shown)
			}
			if !tt.gone && !tt.short {
				place := filepath.Join(home, "output-1.txt")
				if info, err := os.Lstat(place); err != nil || !info.Mode().IsRegular() {
					t.Fatalf("in its place is %v: %v", info, err) // reading it might wait for ever
				}
				if got, err := os.ReadFile(place); string(got) != text {
					t.Errorf("the file holds %q: %v", got, err)
				}
			}
			if got, err := os.ReadFile(victim); string(got) != "mine" {
				t.Errorf("the victim holds %q: %v", got, err)
			}
		})
	}
}

// A file of output has a bound.
func TestExcerptBound(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "all"))
	check(t, err)
	const most = 4 << 20
	e := &excerpt{keep: 10, most: most, name: "all", create: func() (*os.File, error) { return f, nil }}
	for range 10 {
		e.Write(make([]byte, 1<<20))
	}
	e.Close()
	info, err := os.Stat(f.Name())
	check(t, err)
	if info.Size() != most {
		t.Errorf("the file has %d bytes, want %d", info.Size(), most)
	}
	if shown := e.String(); !strings.Contains(shown, "the first 4194304 are in all") {
		t.Errorf("shown is %q", shown)
	}
}

// Both streams of a command are written at once.
func TestExcerptConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &excerpt{keep: 100}
		for range 8 {
			go func() {
				for range 100 {
					e.Write([]byte("x"))
				}
			}()
		}
		synctest.Wait()
		if got := e.String(); !strings.Contains(got, "600 bytes left out") {
			t.Errorf("shown is %q", got)
		}
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
