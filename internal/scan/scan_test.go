package scan_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/scan"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

func lines(text string) []scan.Line {
	var all []scan.Line
	for i, t := range strings.Split(text, "\n") {
		all = append(all, scan.Line{Number: i + 1, Text: t})
	}
	return all
}

// told are findings as "line rule risk".
func told(found []scan.Finding) []string {
	var all []string
	for _, f := range found {
		all = append(all, fmt.Sprintf("%d %s %s", f.Line, f.Rule, f.Risk))
	}
	return all
}

func expect(t *testing.T, what string, found []scan.Finding, want ...string) {
	t.Helper()
	if got := told(found); !slices.Equal(got, want) {
		t.Errorf("%s: found %q, want %q", what, got, want)
	}
}

const (
	password = `password = "k3J9` + `s8D7f6!"`
	token    = `t = "ghp_` + `9f3KzQw7LmN2xVb8RtY5uHj1Gd6Sa4Pc0EoI"`
	keyHead  = "-----BEGIN " + "PRIVATE KEY-----"
	keyBody  = "MC4CAQAwBQYDK2VwBCIEIHk3SjlzOEQ3ZjZHNWg0SjNrMkwxcTBXOWU4Ujd0"
	keyEnd   = "-----END " + "PRIVATE KEY-----"
)

// A key that this platform gave out is known by its checksum; a mistyped one is none.
func TestOwnKeys(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	key, err := service.NewKeys(db).Create(t.Context(), "owner", autonoma.Startup, []autonoma.KeyScope{autonoma.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "a key", scan.Secrets("main.go", lines("a\ncall(\""+key+"\")")), "2 autonoma_key critical")
	wrong := key[:20] + string(key[20]^1) + key[21:]
	expect(t, "a mistyped key", scan.Secrets("main.go", lines("call(\""+wrong+"\")")))
	if got := scan.Redact("key=" + key + ";"); got != "key=[redacted: autonoma_key];" {
		t.Errorf("redacted, it is %q", got)
	}
}

// What tests, examples and lock files hold is often for show, but a real token is a
// real token.
func TestWhere(t *testing.T) {
	text := password + "\n" + token
	expect(t, "source", scan.Secrets("app/db.py", lines(text)), "1 assigned_secret high", "2 github_token critical")
	for _, path := range []string{"app/db_test.py", "tests/db.py", "pkg/testdata/db.py", "examples/db.py", "web/db.spec.ts", "docs/dummy.md", "yarn.lock"} {
		expect(t, path, scan.Secrets(path, lines(text)), "2 github_token critical")
	}
	block := strings.Join([]string{keyHead, keyBody, keyEnd}, "\n")
	expect(t, "a key file", scan.Secrets("deploy/id.pem", lines(block)), "1 private_key critical")
	expect(t, "a key for tests", scan.Secrets("testdata/id.pem", lines(block)), "1 private_key low")
	expect(t, "code about keys", scan.Secrets("key.go", lines("const head = `"+keyHead+"`\nconst tail = `"+keyEnd+"`")))
	expect(t, "lines that are far from each other", scan.Secrets("key.go", []scan.Line{{Number: 1, Text: keyHead}, {Number: 90, Text: keyBody}}))
	expect(t, "a digest", scan.Secrets("package-lock.json", lines(`"token": "k3J9s8D7f6G5h4J3"`)))

	weak := "el.innerHTML = text"
	expect(t, "a page", scan.Weaknesses("web/page.js", lines(weak)), "1 js_html medium")
	expect(t, "its test", scan.Weaknesses("web/page.test.js", lines(weak)), "1 js_html low")
	expect(t, "prose", scan.Weaknesses("page.md", lines(weak)))
	expect(t, "another language", scan.Weaknesses("page.py", lines(weak)))
}

// Some things are dangerous only together with another line.
func TestTogether(t *testing.T) {
	const target = "on: pull_request_target\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}"
	expect(t, "code of strangers", scan.Weaknesses(".github/workflows/a.yml", lines(target)), "7 workflow_foreign_checkout high")
	expect(t, "without rights", scan.Weaknesses(".github/workflows/a.yml", lines(strings.Replace(target, "_target", "", 1))))
	expect(t, "another file", scan.Weaknesses("deploy/a.yml", lines(target)))

	const cors = "app.add_middleware(\n    CORSMiddleware,\n    allow_origins=[\"*\"],\n    allow_credentials=True,\n)"
	expect(t, "any origin", scan.Weaknesses("app.py", lines(cors)), "3 cors_any_origin high")
	expect(t, "any origin without credentials", scan.Weaknesses("app.py", lines(strings.Replace(cors, "True", "False", 1))))
	expect(t, "one origin", scan.Weaknesses("app.py", lines(strings.Replace(cors, `"*"`, `"https://x.io"`, 1))))

	const open = "ingress {\n  from_port = 22\n  to_port = 22\n  cidr_blocks = [\"0.0.0.0/0\"]\n}"
	expect(t, "an open port", scan.Weaknesses("main.tf", lines(open)), "4 open_to_the_world medium")
	expect(t, "a web server", scan.Weaknesses("main.tf", lines(strings.ReplaceAll(open, "22", "443"))))
	expect(t, "a private port", scan.Weaknesses("main.tf", lines(strings.Replace(open, "0.0.0.0/0", "10.0.0.0/8", 1))))
}

func TestRedact(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "hello\nworld", "hello\nworld"},
		{"two in a line", token + "; " + password + "\r\nrest", "t = \"[redacted: github_token]\"; password = \"[redacted: assigned_secret]\"\r\nrest"},
		{"a key", "a\n" + keyHead + "\n" + keyBody + "\n" + keyBody + "\n" + keyEnd + "\nb", "a\n[redacted: private_key]\nb"},
		{"a key in one line", `"` + keyHead + `\n` + keyBody + `\n` + keyEnd + `\n"`, `"[redacted: private_key]\n"`},
		{"a key cut off", keyHead + "\n" + keyBody + "\nplain words", "[redacted: private_key]\nplain words"},
		{"talk of keys", "it begins with " + keyHead + ", then base64", "it begins with " + keyHead + ", then base64"},
	} {
		if got := scan.Redact(tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What comes back is bounded, and so is the time, whatever the lines are.
func TestBounds(t *testing.T) {
	many := scan.Secrets("a.py", lines(strings.Repeat(token+"\n", 1000)))
	if len(many) != 200 {
		t.Errorf("%d findings came back", len(many))
	}
	long := strings.Repeat(`passwd="aws secret =eyJ.sk-ant-https://a:b@c `, 4_000)
	start := time.Now()
	scan.Secrets("a.py", lines(long))
	scan.Redact(long)
	scan.Weaknesses("a.py", lines(strings.Repeat(`subprocess.run(f"{eval(yaml.load(requests.get(`, 4_000)))
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("a long line took %v", took)
	}
}

func FuzzScan(f *testing.F) {
	f.Add("a.py", password+"\n"+token)
	f.Add(".github/workflows/a.yml", "run: ${{ github.head_ref }}")
	f.Add("a.env", "DB_PASSWORD=k3J9s8D7f6x\n"+keyHead+"\n"+keyBody)
	f.Fuzz(func(t *testing.T, path, text string) {
		in := lines(text)
		for _, found := range [][]scan.Finding{scan.Secrets(path, in), scan.Weaknesses(path, in)} {
			for _, f := range found {
				if f.Line < 1 || f.Line > len(in) || f.Path != path || f.Rule == "" {
					t.Errorf("an odd finding: %+v", f)
				}
			}
		}
		safe := scan.Redact(text)
		if strings.Count(safe, "\n") > strings.Count(text, "\n") {
			t.Errorf("%q has more lines than %q", safe, text)
		}
	})
}

func BenchmarkSecrets(b *testing.B) {
	in := lines(strings.Repeat("\tif err := db.Query(ctx, token, \"SELECT name FROM keys WHERE id = ?\", id); err != nil { return err }\n", 10_000))
	for b.Loop() {
		scan.Secrets("store.go", in)
	}
}
