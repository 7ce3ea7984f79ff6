package workspace

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzIgnore compares our reading of a .gitignore with git's own.
func FuzzIgnore(f *testing.F) {
	for _, seed := range [][2]string{
		{"*.o", "dir/x.o"}, {"/a", "a"}, {"/a", "dir/a"}, {"a/", "a"}, {"a/b", "x/a/b"}, {"**/b", "x/a/b"}, {"a/**", "a/b/c"}, {"a/**/b", "a/b"}, {"a/**/b", "a/x/y/b"},
		{"*\n!a", "a"}, {"[a-c]", "b"}, {"[!a]", "b"}, {"[]]", "]"}, {"[^]a]", "b"}, {"[[:digit:]x]", "5"}, {"[[:nope:]]", "5"}, {"[a-", "a"}, {`\#a`, "#a"}, {"#a", "#a"}, {`\!a`, "!a"},
		{"a ", "a"}, {`a\ `, "a "}, {`a\  `, "a "}, {"a\\", "a"}, {"a\r", "a"}, {"\uFEFFa", "a"}, {"***", "a"}, {"a**b", "axxb"}, {"a**b", "ax/xb"}, {"**a", "x/a"}, {"a*/b", "ax/b"},
		{"?", "é"}, {"é", "é"}, {"[é]", "é"}, {"\xff", "\xff"}, {"[\xff]", "\xff"}, {"/", "a"}, {"//a", "a"}, {"a//b", "a/b"}, {"!", "a"}, {"foo/*", "foo/bar/x"}, {"foo/*\n!foo/bar", "foo/bar/x"},
		{"[a/]b", "a/b"}, {"x[/]b", "x/b"}, {`[\]]`, "]"}, {`[a\-c]`, "-"}, {"[c-a]", "b"}, {"[-a]", "-"}, {"[a-]", "-"}, {"**/", "a"}, {"a/**/", "a/b/c"}, {" a", " a"}, {"a\tb ", "a\tb"}, {"*a*b*", "xaxbx"}, {"/**", "a"}, {"[[:upper:]]", "A"}, {"a/\\*", "a/*"}, {"\\a", "a"}, {"a\\b", "ab"},
	} {
		f.Add(seed[0], seed[1])
	}
	repo, err := filepath.EvalSymlinks(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	if out, err := exec.Command("git", "init", "--quiet", repo).CombinedOutput(); err != nil {
		f.Fatalf("%v: %s", err, out)
	}
	f.Fuzz(func(t *testing.T, rules, path string) {
		if !filepath.IsLocal(path) || filepath.Clean(path) != path || path == "." || strings.ContainsAny(path, "\x00") || strings.Contains(strings.ToLower(path), "git") || len(path) > 100 {
			return
		}
		if strings.ContainsRune(rules, 0) || len(rules) > 200 {
			return
		}
		if err := os.WriteFile(filepath.Join(repo, ".gitignore"), []byte(rules), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("git", "check-ignore", "--no-index", "-z", "--stdin")
		cmd.Dir, cmd.Stdin = repo, strings.NewReader(path+"\x00")
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "HOME="+repo)
		out, _ := cmd.Output() // fails when the path is not ignored
		want := len(out) > 0
		if got := ignoredAnyhow(parseIgnore([]byte(rules)), path); got != want {
			t.Errorf("rules %q, path %q: ignored %v, git says %v", rules, path, got, want)
		}
	})
}

// ignoredAnyhow asks for a path and the directories above it, as a scan does.
func ignoredAnyhow(rules []pattern, path string) bool {
	s := &scope{ignore: rules}
	for i := range path {
		if path[i] == '/' && s.ignored(path[:i], filepath.Base(path[:i]), true) {
			return true
		}
	}
	return s.ignored(path, filepath.Base(path), false)
}
