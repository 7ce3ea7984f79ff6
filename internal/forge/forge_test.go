package forge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"autonoma/internal/forge"
	"autonoma/internal/forge/forgetest"
	"autonoma/internal/workspace/workspacetest"
)

// direct sends requests to a handler, without a network: time can stand still.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	d.ServeHTTP(rec, r)
	return rec.Result(), nil
}

const branch = "autonoma/task_1"

var proposal = forge.Proposal{Branch: branch, Title: "Mend it", Body: "It was broken."}

// kinds runs a test with a forge of each kind, on which a branch waits to be taken over.
func kinds(t *testing.T, test func(*testing.T, *forgetest.Forge, forge.Repository)) {
	for _, kind := range forge.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			fake := forgetest.New(t, kind)
			repo := workspacetest.Repo(t, "-- a --\na\n")
			workspacetest.Git(t, repo, "push", "--quiet", fake.Repo, "main", "main:stable", "main:"+branch)
			synctest.Test(t, func(t *testing.T) { test(t, fake, open(t, fake, forgetest.Token)) })
		})
	}
}

// open returns the repository of a forge, to whoever has the token.
func open(t *testing.T, fake *forgetest.Forge, token string) forge.Repository {
	t.Helper()
	named := []forge.Forge{{Host: "git.example.com", Kind: fake.Kind, TokenEnv: "T"}}
	client := &http.Client{Transport: direct{fake}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	all, err := forge.New(named, func(name string) string { return map[string]string{"T": token}[name] }, client)
	if err != nil {
		t.Fatal(err)
	}
	at, err := all.At("https://git.example.com/" + forgetest.Path + ".git")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestPropose(t *testing.T) {
	kinds(t, func(t *testing.T, fake *forgetest.Forge, at forge.Repository) {
		fake.Add(forgetest.Pull{Branch: "fork:" + branch, Base: "main", State: "open"}) // a stranger's
		for range 2 {
			where, err := at.Propose(t.Context(), proposal)
			if err != nil || where != fake.URL(2) {
				t.Fatalf("%s, %v", where, err)
			}
		}
		want := forgetest.Pull{Branch: branch, Base: "main", Title: "Mend it", Body: "It was broken.", State: "open"}
		if all := fake.Pulls(); len(all) != 2 || all[1] != want {
			t.Errorf("%+v", all)
		}
	})
}

// One that people have closed is not opened once more, and the base is who asks'.
func TestProposeClosed(t *testing.T) {
	kinds(t, func(t *testing.T, fake *forgetest.Forge, at forge.Repository) {
		p := proposal
		p.Base = "stable"
		fake.Add(forgetest.Pull{Branch: "other", Base: "main", State: "open"})
		fake.Add(forgetest.Pull{Branch: branch, Base: "main", State: "closed"})
		if where, err := at.Propose(t.Context(), p); err != nil || where != fake.URL(2) || len(fake.Pulls()) != 2 {
			t.Errorf("%s, %v: %+v", where, err, fake.Pulls())
		}
	})
}

// Somebody else may open it between the look and the call.
func TestProposeMeanwhile(t *testing.T) {
	kinds(t, func(t *testing.T, fake *forgetest.Forge, at forge.Repository) {
		fake.Before = func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				fake.Add(forgetest.Pull{Branch: branch, Base: "main", State: "open"})
			}
			return false
		}
		if where, err := at.Propose(t.Context(), proposal); err != nil || where != fake.URL(1) || len(fake.Pulls()) != 1 {
			t.Errorf("%s, %v: %+v", where, err, fake.Pulls())
		}
	})
}

// A forge that refuses is understood, and says nothing of the token.
func TestRefusals(t *testing.T) {
	echo := `{"message": "no ` + forgetest.Token + ` here\u0007"}`
	for _, tt := range []struct {
		code      int
		header    string
		body      string
		retryable bool
		takes     time.Duration
		says      string
	}{
		{401, "", echo, false, 0, "does not accept the token in T (no *** here ); the operator renews it"},
		{403, "", echo, false, 0, "the token in T may not open pull requests in owner/name"},
		{404, "", `{}`, false, 0, "knows no repository owner/name"},
		{301, "Location: https://elsewhere.example/", "", false, 0, "is elsewhere, HTTP 301"},
		{400, "", `{"message": {"base": ["is odd"], "x": 1}, "errors": [{"message": "so it is", "code": "c"}]}`, false, 0, "HTTP 400 (is odd; so it is)"},
		{200, "", `<html>`, false, 0, "is `api` in the configuration right?"},
		{200, "", `[` + strings.Repeat(" ", 9<<20) + `]`, false, 0, "more than 8388608 bytes"},
		{500, "", "", true, 7 * time.Second, "trouble of its own, HTTP 500"},
		{429, "Retry-After: 20", echo, true, time.Minute, "wants to be asked less often"},
		{429, "Retry-After: Sat, 01 Jan 2000 00:00:10 GMT", "", true, 10*time.Second + 2*time.Second + 4*time.Second, "less often"},
		{403, "X-RateLimit-Remaining: 0", "", true, 7 * time.Second, "less often"},
		{429, "Retry-After: 3600", "", true, 0, "try again in 1h0m0s"},
		{429, "Retry-After: 99999999999999999999", "", true, 7 * time.Second, "less often"},
		{429, "Retry-After: -5", "", true, 7 * time.Second, "less often"},
		{403, fmt.Sprintf("X-RateLimit-Remaining: 0|X-RateLimit-Reset: %d", time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC).Unix()), "", true, 0, "try again in 1h0m0s"},
	} {
		for _, kind := range forge.Kinds {
			t.Run(fmt.Sprint(kind, tt.code, tt.header), func(t *testing.T) {
				fake := &forgetest.Forge{Kind: kind, Before: func(w http.ResponseWriter, _ *http.Request) bool {
					for line := range strings.SplitSeq(tt.header, "|") {
						if name, value, ok := strings.Cut(line, ": "); ok {
							w.Header().Set(name, value)
						}
					}
					w.WriteHeader(tt.code)
					fmt.Fprint(w, tt.body)
					return true
				}}
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					where, err := open(t, fake, forgetest.Token).Propose(t.Context(), proposal)
					failed, ok := errors.AsType[*forge.Error](err)
					if !ok || failed.Retryable != tt.retryable || !strings.Contains(failed.Reason, tt.says) || where != "" {
						t.Errorf("%s %v", where, err)
					}
					if err != nil && strings.Contains(err.Error(), forgetest.Token) {
						t.Errorf("the token is told: %v", err)
					}
					if took := time.Since(start); took.Round(time.Second) != tt.takes {
						t.Errorf("took %v, want %v", took, tt.takes)
					}
				})
			})
		}
	}
}

// Troubles that pass are waited for, and what was done in between is found.
func TestTroublesPass(t *testing.T) {
	kinds(t, func(t *testing.T, fake *forgetest.Forge, at forge.Repository) {
		fake.Before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			fake.Before = nil // it is opened, but nobody hears of it
			fake.ServeHTTP(httptest.NewRecorder(), r)
			http.Error(w, "gateway", http.StatusBadGateway)
			return true
		}
		where, err := at.Propose(t.Context(), proposal)
		if err != nil || where != fake.URL(1) || len(fake.Pulls()) != 1 {
			t.Errorf("%s, %v: %+v", where, err, fake.Pulls())
		}
	})
}

func TestNoBranch(t *testing.T) {
	kinds(t, func(t *testing.T, _ *forgetest.Forge, at forge.Repository) {
		p := proposal
		p.Base = "gone"
		_, err := at.Propose(t.Context(), p)
		if failed, ok := errors.AsType[*forge.Error](err); !ok || failed.Retryable || !strings.Contains(failed.Reason, "no branch gone") {
			t.Error(err)
		}
	})
}

// A wrong token is refused by the forge as a right one is accepted.
func TestWrongToken(t *testing.T) {
	for _, kind := range forge.Kinds {
		fake := forgetest.New(t, kind)
		if _, err := open(t, fake, "wrong").Propose(t.Context(), proposal); err == nil || !strings.Contains(err.Error(), "Bad credentials") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// What a redirect leads to never sees the token, with the client that is used.
func TestNoRedirect(t *testing.T) {
	var there []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { there = append(there, r.URL.Path) }))
	t.Cleanup(elsewhere.Close)
	here := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(here.Close)
	named := []forge.Forge{{Host: "git.example.com", Kind: forge.GitLab, TokenEnv: "T", API: here.URL}}
	all, err := forge.New(named, func(string) string { return forgetest.Token }, nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := all.At("https://git.example.com/a/b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := at.Propose(t.Context(), proposal); err == nil || !strings.Contains(err.Error(), "HTTP 307") || len(there) > 0 {
		t.Errorf("%v, went to %v", err, there)
	}
}

func TestAt(t *testing.T) {
	env := map[string]string{"GH_TOKEN": "t", "GITLAB_TOKEN": "t", "OWN": "t"}
	named := []forge.Forge{{Host: "Git.Example.com:8443", Kind: forge.Gitea, TokenEnv: "OWN"}, {Host: "empty.example", Kind: forge.GitHub, TokenEnv: "NONE"}}
	all, err := forge.New(named, func(name string) string { return env[name] }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for remote, says := range map[string]string{
		"https://github.com/a/b": "", "https://GitHub.com:443/a/b.git/": "", "git@github.com:a/b.git": "", "ssh://git@github.com:22/a/b": "",
		"https://gitlab.com/group/sub/name": "", "https://git.example.com:8443/a/b": "", "ssh://git@git.example.com:2222/a/b": "", "git@git.example.com:a/b": "",
		"https://git.example.com/a/b":    "git.example.com is no forge that this server knows",
		"https://github.com.evil/a/b":    "github.com.evil is no forge",
		"https://gitea.com/a/b":          "has no token for gitea.com; its operator sets GITEA_TOKEN",
		"https://empty.example/a/b":      "its operator sets NONE",
		"https://github.com/a":           "names no repository of github.com",
		"https://github.com/a/b/c":       "names no repository",
		"https://github.com/../b":        "names no repository",
		"https://github.com/a/%2e%2e":    "names no repository",
		"https://gitlab.com/a/b%2f..%2f": "names no repository",
		"https://gitlab.com/a/b%3fx":     "names no repository",
		"/home/me/repo":                  "needs a source that is the URL",
		"":                               "needs a source that is the URL",
		"http://github.com/a/b":          "needs a source that is the URL",
	} {
		_, err := all.At(remote)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v", remote, err)
		}
	}
	for host, want := range map[string]string{"github.com": "x-access-token t", "GITHUB.com:443": "x-access-token t", "git.example.com:8443": "oauth2 t", "git.example.com": " ", "gitea.com": " ", "evil.example": " "} {
		if user, password := all.Login(host); user+" "+password != want {
			t.Errorf("%s: %s %s", host, user, password)
		}
	}
}

func TestCheck(t *testing.T) {
	good := forge.Forge{Host: "git.example.com", Kind: forge.Gitea, TokenEnv: "T"}
	for _, tt := range []struct {
		change func(*forge.Forge)
		says   string
	}{
		{func(*forge.Forge) {}, ""},
		{func(f *forge.Forge) { f.API = "http://127.0.0.1:3000/api/v1" }, ""},
		{func(f *forge.Forge) { f.API = "https://api.example.com" }, ""},
		{func(f *forge.Forge) { f.API = "http://git.example.com/api/v1" }, "api must be an https:// URL"},
		{func(f *forge.Forge) { f.API = "https://u:p@git.example.com" }, "api must"},
		{func(f *forge.Forge) { f.Host = "https://git.example.com" }, "host must be a host"},
		{func(f *forge.Forge) { f.Kind = "bitbucket" }, "kind must be one of"},
		{func(f *forge.Forge) { f.TokenEnv = "" }, "tokenEnv must name"},
	} {
		f := good
		tt.change(&f)
		if err := f.Check(); tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if _, err := forge.New(nil, func(string) string { return "two\nlines" }, nil); err == nil || strings.Contains(err.Error(), "two") {
		t.Errorf("a token of two lines: %v", err)
	}
}

func TestTokenIsSecret(t *testing.T) {
	token := forge.Token(forgetest.Token)
	encoded, err := json.Marshal(map[string]any{"t": token, "s": forge.Site{Token: token}})
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "token", token)
	text := fmt.Sprintf("%s%v%q%x%#v%+v", token, token, token, token, token, forge.Site{Token: token}) + string(encoded) + logged.String()
	if strings.Contains(text, "5ecret") || strings.Contains(text, fmt.Sprintf("%x", forgetest.Token)) {
		t.Error(text)
	}
}

func TestQuiet(t *testing.T) {
	for text, want := range map[string]string{
		"Ask @ann.":                        "Ask @|ann.",
		"fixes #12, closes a/b#3":          "fixes #|12, closes a/b#|3",
		"GH-7 and ABC-12, !3":              "GH-|7 and ABC-|12, !|3",
		"&commat;ann &#x40;ann &#64;ann":   "&|commat;ann &|#x40;ann &|#|64;ann",
		"a && b, Q&A":                      "a && b, Q&|A",
		"/close\n  /merge":                 "|/|close\n  |/|merge",
		"a / b and internal/forge":         "a / b and internal/forge",
		"see https://x.example/1 //y":      "see https:/|/x.example/1 /|/y",
		"![i](x) [a][b]\n[c]: d www.x.org": "![i]|(x) [a]|[b]\n[c]|: d www|.x.org",
		"<img> <!-- -->":                   "<|img> <|!-- -->",
		"- [x] done":                       "- [|x] done",
		"\x1b[1m\u202eabc\u200b":           "[1mabc",
		"# Head\n\n* `code`, 3 < 4":        "# Head\n\n* `code`, 3 <| 4",
	} {
		if got := strings.ReplaceAll(forge.Quiet(text), "\u200b", "|"); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// The forges are known to those who configure them.
func TestSites(t *testing.T) {
	all, err := forge.New([]forge.Forge{{Host: "gitlab.com", Kind: forge.GitLab, TokenEnv: "MINE"}}, func(name string) string { return map[string]string{"MINE": "t"}[name] }, nil)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, s := range all.Sites() {
		said = append(said, fmt.Sprint(s.Host, " ", s.API, " ", s.Token != ""))
	}
	if want := []string{
		"gitlab.com https://gitlab.com/api/v4 true", "github.com https://api.github.com false",
		"gitea.com https://gitea.com/api/v1 false", "codeberg.org https://codeberg.org/api/v1 false",
	}; !slices.Equal(said, want) {
		t.Errorf("%q", said)
	}
}
