package realtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
)

// TestRefusedSources submits sources that must not be worked on. Each is refused
// at once, with the field and what to do, and nothing comes of it.
func TestRefusedSources(t *testing.T) {
	all := scratch(t)
	root, outside := filepath.Join(all, "root"), filepath.Join(all, "outside")
	repository(t, outside, "secret")
	inside := repository(t, root, "inside")
	prepareTraps(t, root, outside)
	reach := listen(t)
	marker := filepath.Join(all, "marker")
	web := fmt.Sprintf("127.0.0.1:%d/x.git", reach.port)
	at := func(path string) string { return filepath.Join(root, path) }

	s := start(t, root, nil)
	before := stateOf(t, all)
	for name, source := range map[string]string{
		"outside":                    outside + "/secret",
		"outside, not there":         outside + "/nothing",
		"the root of all":            "/",
		"dots":                       root + "/../outside/secret",
		"dots within":                root + "/inside/../../outside/secret",
		"link out":                   at("link-out"),
		"link out, below":            at("link-out/secret"),
		"link to itself":             at("loop"),
		"relative":                   "inside",
		"relative dots":              "../outside/secret",
		"not there":                  at("nothing"),
		"a file":                     at("inside/README"),
		"a part of a repository":     at("inside-with-folder/folder"),
		"a .git that is none":        at("not-a-repository"),
		"a .git that points out":     at("points-out"),
		"objects borrowed outside":   at("borrows"),
		"objects linked outside":     at("links-objects"),
		"references linked outside":  at("links-refs"),
		"a program as transport":     "ext::sh -c touch% " + marker,
		"a program, quoted":          `ext::sh -c "touch ` + marker + `"`,
		"a descriptor as transport":  "fd::3",
		"an option":                  "--upload-pack=touch " + marker,
		"a short option":             "-u touch " + marker,
		"http":                       "http://" + web,
		"git":                        "git://" + web,
		"ftp":                        "ftp://" + web,
		"a file URL outside":         "file://" + outside + "/secret",
		"a file URL with dots":       "file://" + root + "/../outside/secret",
		"a file URL, escaped dots":   "file://" + root + "/%2e%2e/outside/secret",
		"a file URL of another host": "file://elsewhere" + inside,
		"a password":                 "https://me:secret-word@" + web,
		"a user":                     "https://token@" + web,
		"a query":                    "https://" + web + "?token=secret-word",
		"an option as host":          "ssh://-oProxyCommand=touch%20" + marker + "/x",
		"an option as user":          "ssh://-oProxyCommand=x@localhost/x",
		"an option as path":          "git@localhost:-oProxyCommand=x",
		"a line's end":               inside + "\n--upload-pack=touch " + marker,
		"NUL":                        inside + "\x00",
		"long":                       root + strings.Repeat("/x", 3000),
	} {
		t.Run(name, func(t *testing.T) {
			said := s.refuses(t, source)
			if strings.Contains(said, "secret-word") {
				t.Errorf("the answer repeats a secret: %s", said)
			}
		})
	}
	t.Run("outside is told nothing of", func(t *testing.T) {
		there, not := s.refuses(t, outside+"/secret"), s.refuses(t, outside+"/nothing")
		if strings.ReplaceAll(there, "/secret", "") != strings.ReplaceAll(not, "/nothing", "") {
			t.Errorf("the answer tells what is there and what is not:\n%s\n%s", there, not)
		}
	})
	before.sameExcept(t, all, nil)
	if n := reach.met.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	for _, err := range s.Tasks(t.Context(), "") {
		t.Fatalf("there is a task, or: %v", err)
	}
}

// refuses submits a source that is to be refused, and returns what is said of it.
func (s *server) refuses(t *testing.T, source string) string {
	t.Helper()
	made, err := s.CreateTask(t.Context(), api.CreateTask{Task: "Do it.", Capabilities: []autonoma.Capability{autonoma.Build}, Source: source})
	p, ok := errors.AsType[*api.Problem](err)
	if !ok {
		t.Fatalf("%q is accepted as %s: %v", source, made.TaskID, err)
	}
	if p.Status != 422 || p.Code != api.ValidationFailed || len(p.Errors) != 1 || p.Errors[0].Field != "source" || len(p.Errors[0].Message) < 10 {
		t.Fatalf("the answer is %d %s %q", p.Status, p.Code, p.Errors)
	}
	return p.Errors[0].Message
}

// prepareTraps makes directories below root that lead out of it.
func prepareTraps(t *testing.T, root, outside string) {
	t.Helper()
	at := func(path ...string) string { return filepath.Join(append([]string{root}, path...)...) }
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	link(outside, at("link-out"))
	link(at("loop"), at("loop"))
	write(t, at("inside-with-folder", "folder", "file"), "x\n")
	commit(t, at("inside-with-folder"), "Begin")
	write(t, at("not-a-repository", ".git", "config"), "[core]\n")
	write(t, at("points-out", ".git"), "gitdir: "+filepath.Join(outside, "secret", ".git")+"\n")
	theirs := filepath.Join(outside, "secret", ".git", "objects")
	write(t, filepath.Join(repository(t, root, "borrows"), ".git", "objects", "info", "alternates"), theirs+"\n")
	for _, name := range []string{"objects", "refs"} {
		git := filepath.Join(repository(t, root, "links-"+name), ".git")
		if err := os.RemoveAll(filepath.Join(git, name)); err != nil {
			t.Fatal(err)
		}
		link(filepath.Join(outside, "secret", ".git", name), filepath.Join(git, name))
	}
}
