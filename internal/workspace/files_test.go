package workspace_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

func TestNoPathLeaves(t *testing.T) {
	w := workspacetest.New(t, "-- a.txt --\nhello\n-- dir/b.txt --\n")
	outside := realTemp(t)
	write(t, outside, "secret", "hunter2")
	for name, target := range map[string]string{
		"abs": outside, "abs-file": outside + "/secret", "up": "../../../..", "dir/up": "../../..", "chain": "up", "self": "self", "in": "dir/../a.txt",
	} {
		must(t, os.Symlink(target, filepath.Join(w.Dir(), name)))
	}
	before := fingerprint(t, outside, nil)
	for _, path := range []string{
		"../outside", "/etc/passwd", "a.txt/../../outside", "abs/secret", "abs-file", "up/etc/passwd", "dir/up/x", "chain/x", "self", "", "a\x00b",
	} {
		if data, err := w.Read(path); err == nil {
			t.Errorf("could read %q: %q", path, data)
		} else if strings.Contains(err.Error(), w.Dir()) {
			t.Errorf("the answer tells where we are: %v", err)
		}
		if err := w.Write(path, []byte("x")); err == nil {
			t.Errorf("could write %q", path)
		}
		if _, _, err := w.List(path); err == nil {
			t.Errorf("could list %q", path)
		}
		if _, err := fs.ReadFile(w.FS(), path); err == nil {
			t.Errorf("FS could read %q", path)
		}
		if path == "self" {
			continue // a link can be seen, though it leads nowhere
		}
		if _, err := w.Stat(path); err == nil {
			t.Errorf("could stat %q", path)
		}
	}
	if after := fingerprint(t, outside, nil); after != before {
		t.Errorf("outside is changed: %s", after)
	}
	for _, path := range []string{"../x", "abs/secret", "up/etc"} {
		if _, err := w.Read(path); !errors.Is(err, workspace.ErrOutside) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if data, err := w.Read("in"); err != nil || string(data) != "hello\n" {
		t.Errorf("a link that stays inside: %q %v", data, err)
	}
	if matches, _, err := w.Grep(t.Context(), workspace.GrepQuery{Pattern: "hunter2|root:"}); len(matches) > 0 || err != nil {
		t.Errorf("found %v, %v", matches, err)
	}
}

// An agent swaps a directory for a link, back and forth, while we use it.
func TestNoPathLeavesWhenSwapped(t *testing.T) {
	w := workspacetest.New(t, "-- dir/secret --\nmine\n")
	outside := realTemp(t)
	write(t, outside, "secret", "hunter2")
	dir, away := filepath.Join(w.Dir(), "dir"), filepath.Join(w.Dir(), "away")
	link := filepath.Join(w.Dir(), "link")
	must(t, os.Symlink(outside, link))
	stop, done := make(chan struct{}), sync.WaitGroup{}
	done.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				os.Rename(dir, away)
				os.Rename(link, dir)
				os.Rename(dir, link)
				os.Rename(away, dir)
			}
		}
	})
	for range 300 {
		if data, err := w.Read("dir/secret"); err == nil && string(data) != "mine\n" {
			t.Fatalf("read %q", data)
		}
		w.Write("dir/new", []byte("x")) // may fail; must not get out
		if m, _, _ := w.Grep(t.Context(), workspace.GrepQuery{Pattern: "hunter2"}); len(m) > 0 {
			t.Fatalf("found %v", m)
		}
	}
	cp, _, err := w.Checkpoint(t.Context(), "")
	close(stop)
	done.Wait()
	must(t, err)
	must(t, w.Restore(t.Context(), cp.Commit))
	if m, _, _ := w.Grep(t.Context(), workspace.GrepQuery{Pattern: "hunter2"}); len(m) > 0 {
		t.Errorf("the checkpoint has what is outside: %v", m)
	}
	if entries, err := os.ReadDir(outside); len(entries) != 1 || err != nil {
		t.Errorf("outside has %v, %v", entries, err)
	}
}

func TestSpecialFiles(t *testing.T) {
	w := workspacetest.New(t, "-- a.txt --\nhello\n")
	must(t, syscall.Mkfifo(w.Dir()+"/pipe", 0o666))
	must(t, syscall.Mknod(w.Dir()+"/socket", syscall.S_IFSOCK|0o666, 0))
	must(t, os.Symlink("pipe", w.Dir()+"/to-pipe"))
	for _, name := range []string{"pipe", "socket", "to-pipe"} {
		if _, err := w.Read(name); !errors.Is(err, workspace.ErrSpecial) {
			t.Errorf("read %s: %v", name, err)
		}
		if err := w.Write(name, nil); !errors.Is(err, workspace.ErrSpecial) {
			t.Errorf("write %s: %v", name, err)
		}
		if _, err := w.FS().Open(name); !errors.Is(err, workspace.ErrSpecial) {
			t.Errorf("open %s: %v", name, err)
		}
	}
	if _, _, err := w.Grep(t.Context(), workspace.GrepQuery{Pattern: "x"}); err != nil {
		t.Error(err)
	}
}

func TestWrite(t *testing.T) {
	w := workspacetest.New(t, "-- a.txt --\nhello\n-- run.sh --\nold\n")
	must(t, os.Chmod(w.Dir()+"/run.sh", 0o755))
	outside := filepath.Join(realTemp(t), "other")
	must(t, os.WriteFile(outside, []byte("theirs"), 0o644))
	hard := os.Link(outside, w.Dir()+"/hard")
	must(t, hard)
	must(t, os.Symlink("a.txt", w.Dir()+"/link"))
	for _, name := range []string{"run.sh", "hard", "link", "new/deep/file"} {
		if err := w.Write(name, []byte("new")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if data, err := w.Read(name); err != nil || string(data) != "new" {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	if data, _ := os.ReadFile(outside); string(data) != "theirs" {
		t.Errorf("a hard link led outside: %q", data)
	}
	if info, err := os.Lstat(w.Dir() + "/run.sh"); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("permissions are lost: %v %v", info.Mode(), err)
	}
	if info, err := os.Lstat(w.Dir() + "/link"); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is replaced: %v %v", info.Mode(), err)
	}
	if err := w.Write("new", nil); err == nil {
		t.Error("could write a directory")
	}
	if err := w.Write("big", make([]byte, workspace.MaxRead+1)); !errors.Is(err, workspace.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	must(t, os.Truncate(w.Dir()+"/a.txt", workspace.MaxRead+1))
	if _, err := w.Read("a.txt"); !errors.Is(err, workspace.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	entries, more, err := w.List(".")
	if err != nil || more || len(entries) != 5 {
		t.Errorf("list: %v %v %v", entries, more, err)
	}
}

func TestFS(t *testing.T) {
	w := workspacetest.New(t, "-- a.txt --\nhello\n-- dir/b.txt --\nx\n")
	if err := fstest.TestFS(w.FS(), "a.txt", "dir/b.txt"); err != nil {
		t.Error(err)
	}
}

func TestGlob(t *testing.T) {
	w := workspacetest.New(t, "-- .gitignore --\n*.log\n/out/\n-- a.go --\n-- a_test.go --\n-- cmd/x/main.go --\n-- cmd/x/main.js --\n-- .github/ci.yml --\n-- doc/[x].md --\n")
	write(t, w.Dir(), "out/b.go", "")
	write(t, w.Dir(), "x.log", "")
	write(t, w.Dir(), "sub/.git/config.go", "")
	for _, tt := range []struct{ glob, want string }{
		{"*.go", "a.go a_test.go cmd/x/main.go"},
		{"/*.go", "a.go a_test.go cmd/x/main.go"},
		{"**/*.go", "a.go a_test.go cmd/x/main.go"},
		{"cmd/**", "cmd/x/main.go cmd/x/main.js"},
		{"cmd/*", ""},
		{"cmd/*/main.{go,js}", "cmd/x/main.go cmd/x/main.js"},
		{"**/x/*.js", "cmd/x/main.js"},
		{"a?go", "a.go"},
		{"[!a]*.go", "cmd/x/main.go"},
		{"*.yml", ".github/ci.yml"},
		{`\[x].md`, "doc/[x].md"},
		{"*.log", ""},
		{"nothing", ""},
		{"{a,{main,nope}}.go", "a.go cmd/x/main.go"},
	} {
		got, more, err := w.Glob(t.Context(), tt.glob)
		if strings.Join(got, " ") != tt.want || more || err != nil {
			t.Errorf("%s: %v %v %v, want %s", tt.glob, got, more, err, tt.want)
		}
	}
	for _, glob := range []string{"[", `a\`, strings.Repeat("{a,b}", 20), strings.Repeat("x", 2000)} {
		if got, _, err := w.Glob(t.Context(), glob); err == nil {
			t.Errorf("%.20s: %v", glob, got)
		}
	}
}

func TestGrep(t *testing.T) {
	w := workspacetest.New(t, "-- .gitignore --\n*.log\n-- a.go --\npackage a\n\nfunc Find() {}\nfunc find() {}\n-- b/b.txt --\nfunc in text\n")
	write(t, w.Dir(), "x.log", "func ignored")
	write(t, w.Dir(), "bin", "func\x00")
	write(t, w.Dir(), "crlf.txt", "x\r\nfunc\r\n")
	write(t, w.Dir(), "long.txt", "func "+strings.Repeat("ü", 10_000))
	for _, tt := range []struct {
		query workspace.GrepQuery
		want  string
		more  bool
	}{
		{workspace.GrepQuery{Pattern: "func", Glob: "*.go"}, "a.go:3:func Find() {} a.go:4:func find() {}", false},
		{workspace.GrepQuery{Pattern: "func", Limit: 1}, "a.go:3:func Find() {}", true},
		{workspace.GrepQuery{Pattern: "^FUNC f.*}$", IgnoreCase: true}, "a.go:3:func Find() {} a.go:4:func find() {}", false},
		{workspace.GrepQuery{Pattern: "^$", Glob: "a.go"}, "a.go:2:", false},
		{workspace.GrepQuery{Pattern: "^func$"}, "", false},
		{workspace.GrepQuery{Pattern: `^func\r?$`}, "crlf.txt:2:func", false},
		{workspace.GrepQuery{Pattern: "in text"}, "b/b.txt:1:func in text", false},
		{workspace.GrepQuery{Pattern: "(?s)a.*find", Glob: "a.go"}, "a.go:1:package a", false},
	} {
		matches, more, err := w.Grep(t.Context(), tt.query)
		var got []string
		for _, m := range matches {
			got = append(got, m.Path+":"+string(rune('0'+m.Line))+":"+m.Text)
		}
		if strings.Join(got, " ") != tt.want || more != tt.more || err != nil {
			t.Errorf("%+v: %q %v %v", tt.query, got, more, err)
		}
	}
	if m, _, err := w.Grep(t.Context(), workspace.GrepQuery{Pattern: "func", Glob: "long.txt"}); err != nil || len(m) != 1 || len(m[0].Text) > 510 || !utf8.ValidString(m[0].Text) {
		t.Errorf("a long line: %v %v", m, err)
	}
	if _, _, err := w.Grep(t.Context(), workspace.GrepQuery{Pattern: "("}); err == nil {
		t.Error("took a malformed pattern")
	}
}

// FuzzPaths tries to leave the workspace by any name.
func FuzzPaths(f *testing.F) {
	for _, seed := range []string{"a", "../x", "dir/../../x", "/x", "out/secret", "dir/up/../x", "\x00", ".", "..", "dir//x", "./dir/./x", strings.Repeat("d/", 300)} {
		f.Add(seed)
	}
	w := workspacetest.New(f, "-- dir/a --\n")
	outside := realTemp(f)
	write(f, outside, "secret", "hunter2")
	must(f, os.Symlink(outside, w.Dir()+"/out"))
	must(f, os.Symlink("..", w.Dir()+"/dir/up"))
	above := filepath.Dir(w.Dir())
	names := func(t testing.TB) string {
		entries, err := os.ReadDir(above)
		must(t, err)
		others, err := os.ReadDir(outside)
		must(t, err)
		var b strings.Builder
		for _, e := range append(entries, others...) {
			b.WriteString(e.Name() + "\n")
		}
		return b.String()
	}
	before := names(f)
	f.Fuzz(func(t *testing.T, name string) {
		if data, err := w.Read(name); err == nil && strings.Contains(string(data), "hunter2") {
			t.Fatalf("read the secret as %q", name)
		}
		err := w.Write(name, []byte("x"))
		if err == nil && !filepath.IsLocal(name) {
			t.Fatalf("wrote %q", name)
		}
		if after := names(t); after != before {
			t.Fatalf("%q made a file outside: %s", name, after)
		}
		if data, err := os.ReadFile(outside + "/secret"); err != nil || string(data) != "hunter2" {
			t.Fatalf("%q changed the secret: %q %v", name, data, err)
		}
	})
}

// A search that takes long ends when nobody wants it any more, and finds what a
// quick one would.
func TestGrepLong(t *testing.T) {
	w := workspacetest.New(t, "-- a.txt --\nx\n")
	write(t, w.Dir(), "big.txt", strings.Repeat("aab ", 6<<20)+"\nneedle in a line\nand another needle\n")
	slow := workspace.GrepQuery{Pattern: `(a|aa|b| ){1,900}c`}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	time.AfterFunc(200*time.Millisecond, func() { cancel(enough) })
	begin := time.Now()
	if _, _, err := w.Grep(ctx, slow); !errors.Is(err, enough) {
		t.Errorf("the search ended with %v", err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it went on for %v", took)
	}
	for _, pattern := range []string{`need(le|ing) in a l.ne`, `[a-z]+her need[lm]e$`} {
		got, _, err := w.Grep(t.Context(), workspace.GrepQuery{Pattern: pattern})
		if err != nil || len(got) != 1 || got[0].Line < 2 {
			t.Errorf("%s: %v, %v", pattern, got, err)
		}
	}
}

// A checkpoint of a large file ends when nobody wants it any more.
func TestCheckpointCancelled(t *testing.T) {
	w := workspacetest.New(t, "-- a.txt --\nx\n")
	f, err := os.Create(filepath.Join(w.Dir(), "sparse"))
	must(t, err)
	must(t, f.Truncate(250<<20))
	must(t, f.Close())
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	time.AfterFunc(50*time.Millisecond, func() { cancel(enough) })
	begin := time.Now()
	if _, _, err := w.Checkpoint(ctx, "sparse"); !errors.Is(err, enough) {
		t.Errorf("it ended with %v after %v", err, time.Since(begin))
	}
	if _, changed, err := w.Checkpoint(t.Context(), "sparse"); err != nil || !changed {
		t.Errorf("the next one: %t, %v", changed, err)
	}
}
