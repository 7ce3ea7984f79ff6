package workspace_test

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// Names of references are a stranger's text: odd ones are refused or passed over, and
// none becomes a file elsewhere.
func TestHostileReferences(t *testing.T) {
	for _, name := range []string{
		"refs/heads/../../../sprung", "refs/heads/a b", "refs/heads/-x", "refs/heads/a\x1b[31mb", "refs/heads/a..b", "refs/heads/.git/config", "refs/heads/main.lock",
		"refs/heads/$(touch sprung)", "refs/heads/a;touch sprung", "HEAD", "refs/autonoma/incoming", "refs/replace/" + strings.Repeat("1", 40), "../sprung", "/sprung",
	} {
		repo := workspacetest.Repo(t, "-- a.txt --\none\n")
		head := workspacetest.Git(t, repo, "rev-parse", "HEAD")
		must(t, os.WriteFile(repo+"/.git/packed-refs", []byte(head+" "+name+"\n"), 0o600))
		s := workspacetest.Store(t)
		src, err := workspace.Resolve(t.Context(), repo, []string{repo})
		must(t, err)
		for i, ref := range []string{"", name, strings.TrimPrefix(name, "refs/heads/")} {
			base, err := s.Prepare(t.Context(), run+string(rune('a'+i)), src, ref)
			if err == nil && base.Commit != head {
				t.Errorf("%q: %+v", name, base)
			}
		}
		must(t, filepath.WalkDir(filepath.Dir(repo), func(path string, _ fs.DirEntry, err error) error {
			if strings.Contains(path, "sprung") {
				t.Errorf("%q: there is %s", name, path)
			}
			return err
		}))
	}
}

// What a commit says of itself is a stranger's text too: it forges no other commit, and
// commands no terminal.
func TestHostileCommits(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a.txt --\none\n")
	tree := workspacetest.Git(t, repo, "rev-parse", "HEAD^{tree}")
	forged := "\x01" + strings.Repeat("1", 40) + "\x021\x02x\x02agent@autonoma.invalid\x02forged"
	text := "tree " + tree + "\nparent " + workspacetest.Git(t, repo, "rev-parse", "HEAD") +
		"\nauthor \x1b]0;evil\x07 <a\x02b@x> 1 +0000\ncommitter -n <--output=/x> 1 +0000\n\nred \x1b[31m" + forged + "\x07\xff end\r\n\n\x00after\n"
	file := filepath.Join(realTemp(t), "commit")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	commit := workspacetest.Git(t, repo, "hash-object", "-w", "-t", "commit", "--literally", file)
	workspacetest.Git(t, repo, "update-ref", "refs/heads/main", commit)
	last, s := deliverSomething(t, repo)
	h, err := s.History(t.Context(), run, last)
	must(t, err)
	if len(h.Commits) != 3 || h.Commits[1].Commit != commit || h.Commits[1].Ours {
		t.Fatalf("%+v", h.Commits)
	}
	if got := h.Commits[1].Subject; strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f }) || !strings.HasPrefix(got, "red ") {
		t.Errorf("the subject is %q", got)
	}
}

// malicious serves what it likes instead of a repository, over https. Elsewhere counts
// who comes to another server.
func malicious(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, elsewhere string)) (url, trust string, elsewhere *atomic.Int32) {
	t.Helper()
	elsewhere = new(atomic.Int32)
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, other.URL) }))
	t.Cleanup(server.Close)
	trust = filepath.Join(realTemp(t), "ca.pem")
	must(t, os.WriteFile(trust, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	return server.URL, trust, elsewhere
}

// pkt is a line of git's protocol.
func pkt(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

// A server of the simple protocol, nothing but files, says that objects are on another
// server: git would go there, wherever it is.
func TestAlternatesOfAServer(t *testing.T) {
	const head = "1234567890123456789012345678901234567890"
	url, trust, elsewhere := malicious(t, func(w http.ResponseWriter, r *http.Request, other string) {
		switch r.URL.Path {
		case "/r.git/info/refs":
			fmt.Fprintf(w, "%s\trefs/heads/main\n", head)
		case "/r.git/HEAD":
			fmt.Fprint(w, "ref: refs/heads/main\n")
		case "/r.git/objects/info/http-alternates":
			fmt.Fprintf(w, "%s/other.git/objects\n", other)
		default:
			http.NotFound(w, r)
		}
	})
	s, err := workspace.Open(realTemp(t), workspace.Options{Network: []string{"GIT_SSL_CAINFO=" + trust}})
	must(t, err)
	base, err := s.Prepare(t.Context(), run, workspace.Source{Kind: workspace.SourceURL, Location: url + "/r.git"}, "")
	if _, refused := errors.AsType[*workspace.SourceError](err); !refused {
		t.Errorf("%+v %v", base, err)
	}
	if elsewhere.Load() > 0 {
		t.Error("git went elsewhere")
	}
	careless := exec.CommandContext(t.Context(), "git", "-c", "http.followRedirects=true", "clone", "--quiet", url+"/r.git", realTemp(t)+"/clone")
	careless.Env = append(os.Environ(), "GIT_SSL_CAINFO="+trust, "GIT_TERMINAL_PROMPT=0")
	if _ = careless.Run(); elsewhere.Load() == 0 { // it finds nothing there
		t.Error("it is no trap: careless git does not go elsewhere")
	}
}

// A server of the second protocol offers what nobody asked for: a bundle at another
// place, packs at another place, names that are commands, and texts for the terminal.
func TestHostileProtocol(t *testing.T) {
	const head = "1234567890123456789012345678901234567890"
	url, trust, elsewhere := malicious(t, func(w http.ResponseWriter, r *http.Request, other string) {
		w.Header().Set("Content-Type", "application/x-"+strings.Trim(filepath.Base(r.URL.Path), "/")+"-result")
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			fmt.Fprint(w, pkt("# service=git-upload-pack\n")+"0000"+pkt("version 2\n")+pkt("agent=git/2.0\n")+pkt("ls-refs=unborn\n")+
				pkt("fetch=shallow packfile-uris\n")+pkt("bundle-uri\n")+pkt("object-info\n")+pkt("session-id=\x1b[2J\n")+pkt("post-checkout=touch sprung\n")+"0000")
			return
		}
		body := make([]byte, 64)
		n, _ := r.Body.Read(body)
		switch asked := string(body[:n]); {
		case strings.Contains(asked, "bundle-uri"):
			fmt.Fprint(w, pkt("bundle.version=1\n")+pkt("bundle.mode=all\n")+pkt("bundle.x.uri="+other+"/x.bundle\n")+"0000")
		case strings.Contains(asked, "ls-refs"):
			fmt.Fprint(w, pkt(head+" HEAD symref-target:refs/heads/--upload-pack=touch\x1bsprung\n")+pkt(head+" refs/heads/--upload-pack=touch\x1bsprung\n")+pkt(head+" refs/heads/../../sprung\n")+"0000")
		default:
			fmt.Fprint(w, pkt("packfile-uris\n")+pkt(head+" "+other+"/x.pack\n")+"0001"+pkt("packfile\n")+pkt("\x02\x1b[2J\x1b]0;evil\x07\n")+pkt("\x03\x1b[31mfailed\x07 on purpose\n")+"0000")
		}
	})
	dir := realTemp(t)
	s, err := workspace.Open(dir, workspace.Options{Network: []string{"GIT_SSL_CAINFO=" + trust}})
	must(t, err)
	for _, ref := range []string{"", "main", head} {
		base, err := s.Prepare(t.Context(), run, workspace.Source{Kind: workspace.SourceURL, Location: url + "/r.git"}, ref)
		refused, ok := errors.AsType[*workspace.SourceError](err)
		if !ok {
			t.Fatalf("%q: %+v %v", ref, base, err)
		}
		if strings.ContainsAny(refused.Error(), "\x1b\x07") {
			t.Errorf("%q: it says %q", ref, refused)
		}
	}
	if elsewhere.Load() > 0 {
		t.Error("git went elsewhere")
	}
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, "sprung") {
			t.Errorf("there is %s", path)
		}
		return err
	}))
}
