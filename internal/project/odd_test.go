package project_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"autonoma/internal/project"
)

// rootOf opens a directory as the confined file system that Look is made for.
func rootOf(t testing.TB, dir string) fs.FS {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root.FS()
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOddContent looks at a directory with all that should not be there: it is
// no error, nothing blocks, and nothing outside is read.
func TestOddContent(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside, "AGENTS.md", "secret")
	write(t, outside, "package.json", `{"scripts": {"test": "secret"}}`)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Symlink(filepath.Join(outside, "AGENTS.md"), filepath.Join(dir, "AGENTS.md")))
	must(os.Symlink(filepath.Join(outside, "package.json"), filepath.Join(dir, "package.json")))
	must(os.Symlink(outside, filepath.Join(dir, "linked")))
	must(os.Symlink(".", filepath.Join(dir, "loop")))
	must(syscall.Mkfifo(filepath.Join(dir, "go.mod"), 0o644))
	write(t, dir, "new\nline `quote\".go", "package x\n\nfunc Odd() {}\n")
	write(t, dir, "latin\xe9/caf\xe9.py", "x = 1\n")
	write(t, dir, "README.md", "caf\xe9\n")
	write(t, dir, "CONTRIBUTING.md", "\x00\x01binary")
	write(t, dir, "binary.c", "\x00\x01\n\n\n")
	write(t, dir, "broken.go", "package x\n\nfunc Before() {}\n\nfunc ((((")
	write(t, dir, "Makefile", "\xff\xfe")
	write(t, dir, strings.Repeat("d/", 80)+"deep.go", "package d\n")
	write(t, dir, "long.js", strings.Repeat("function x(){}", 100_000))

	p, err := project.Look(t.Context(), rootOf(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if p.Commands.Setup != nil || p.Commands.Test != nil || p.Lock != "" {
		t.Errorf("commands from links or special files: %+v", p.Commands)
	}
	if want := []project.Doc{{Path: "README.md", Text: "caf\ufffd\n"}}; !cmp.Equal(want, p.Docs) {
		t.Errorf("docs: %s", cmp.Diff(want, p.Docs))
	}
	m, err := project.Map(t.Context(), rootOf(t, dir), []string{"odd"}, 4000)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"new\nline ` + "`" + `quote\".go"`, "func Odd()", "func Before()"} {
		if !strings.Contains(m, want) {
			t.Errorf("the map lacks %q:\n%s", want, m)
		}
	}
	if text := fmt.Sprint(p, m); strings.Contains(text, "secret") {
		t.Error("something outside was read")
	}
}

func TestRootIsGone(t *testing.T) {
	p, err := project.Look(t.Context(), os.DirFS(filepath.Join(t.TempDir(), "gone")))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no error for a directory that is not there: %+v, %v", p, err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	fsys := fstest.MapFS{"a.go": {Data: []byte("package a\n")}}
	if _, err := project.Look(ctx, fsys); !errors.Is(err, why) {
		t.Errorf("Look: %v, want %v", err, why)
	}
	if _, err := project.Map(ctx, fsys, nil, 1000); !errors.Is(err, why) {
		t.Errorf("Map: %v, want %v", err, why)
	}
	if _, err := project.Relevant(ctx, fsys, []string{"word"}, 3); !errors.Is(err, why) {
		t.Errorf("Relevant: %v, want %v", err, why)
	}
}

func TestTooManyFiles(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range project.MaxFiles + 100 {
		fsys[fmt.Sprintf("d%d/f%d.txt", i%100, i)] = &fstest.MapFile{}
	}
	p, err := project.Look(t.Context(), fsys)
	if err != nil {
		t.Fatal(err)
	}
	if p.Files != project.MaxFiles || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "large") {
		t.Errorf("%d files, notes %q", p.Files, p.Notes)
	}
}

// TestLock changes a file at a time and expects a new digest only where set-up
// would come out differently.
func TestLock(t *testing.T) {
	base := load(t, "testdata/look/node-workspaces.txtar")
	lock := func(fsys fstest.MapFS) string {
		p, err := project.Look(t.Context(), fsys)
		if err != nil {
			t.Fatal(err)
		}
		return p.Lock
	}
	was := lock(base)
	for _, tt := range []struct {
		file    string
		changes bool
	}{
		{"pnpm-lock.yaml", true},
		{"package.json", true},
		{"packages/a/package.json", true},
		{".npmrc", true},
		{"packages/a/src/index.ts", false},
		{"README.md", false},
	} {
		t.Run(tt.file, func(t *testing.T) {
			changed := fstest.MapFS{}
			for name, f := range base {
				changed[name] = f
			}
			data := []byte("\n")
			if f := base[tt.file]; f != nil {
				data = append(f.Data[:len(f.Data):len(f.Data)], data...)
			}
			changed[tt.file] = &fstest.MapFile{Data: data}
			if got := lock(changed) != was; got != tt.changes {
				t.Errorf("changed: %v, want %v", got, tt.changes)
			}
		})
	}
}

// TestRunsOwn tells set-up that runs code of the project from set-up that does not.
func TestRunsOwn(t *testing.T) {
	const lock = `{"lockfileVersion": 3}`
	pyproject := "[project]\nname = \"app\"\ndependencies = [\"six\"]\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  bool
	}{
		{"npm", map[string]string{"package.json": node(`"test": "x"`, "1"), "package-lock.json": lock}, false},
		{"npm with a script", map[string]string{"package.json": node(`"test": "x", "postinstall": "node install.js"`, "1"), "package-lock.json": lock}, true},
		{"npm that prepares", map[string]string{"package.json": node(`"test": "x", "prepare": "husky"`, "1"), "package-lock.json": lock}, true},
		{"npm with a package beside", map[string]string{"package.json": node(`"test": "x"`, "file:lib"), "package-lock.json": lock}, true},
		{"npm with an extension", map[string]string{"package.json": node(`"test": "x"`, "1"), "package-lock.json": lock, "binding.gyp": "{}"}, true},
		{"npm with a hook", map[string]string{"package.json": node(`"test": "x"`, "1"), "package-lock.json": lock, ".npmrc": "node-options=--require ./x.js\n"}, true},
		{"yarn that is checked in", map[string]string{"package.json": node(`"test": "x"`, "1"), "yarn.lock": "", ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.0.0.cjs\n"}, true},
		{"yarn", map[string]string{"package.json": node(`"test": "x"`, "1"), "yarn.lock": "", ".yarnrc.yml": "nodeLinker: pnp\n"}, false},
		{"pnpm with a hook", map[string]string{"package.json": node(`"test": "x"`, "1"), "pnpm-lock.yaml": "", ".pnpmfile.cjs": ""}, true},
		{"a member with a script", map[string]string{
			"package.json":   `{"workspaces": ["a"], "scripts": {"test": "x"}, "devDependencies": {"b": "1"}}`,
			"a/package.json": node(`"install": "make"`, "1"), "package-lock.json": lock,
		}, true},
		{"requirements", map[string]string{"requirements.txt": "six\n", "test_a.py": "import pytest\n"}, false},
		{"requirements with the project", map[string]string{"requirements.txt": "six\n-e .\n", "test_a.py": "import pytest\n"}, true},
		{"a list of dependencies", map[string]string{"pyproject.toml": pyproject, "test_a.py": ""}, false},
		{"a build backend", map[string]string{"pyproject.toml": pyproject + "[build-system]\nrequires = []\n", "test_a.py": ""}, false},
		{"a build backend of its own", map[string]string{"pyproject.toml": pyproject + "[build-system]\nrequires = []\nbackend-path = [\".\"]\n", "test_a.py": ""}, true},
		{"a build hook", map[string]string{"pyproject.toml": pyproject + "[build-system]\nrequires = []\n[tool.hatch.build.hooks.custom]\n", "test_a.py": ""}, true},
		{"a version in the code", map[string]string{"pyproject.toml": pyproject + "[build-system]\nrequires = []\n[tool.setuptools.dynamic]\nversion = {attr = \"app.version\"}\n", "test_a.py": ""}, true},
		{"a version in the code by setup.cfg", map[string]string{"pyproject.toml": "[build-system]\nrequires = []\n", "setup.cfg": "[metadata]\nname = app\nversion = attr: app.version\n", "test_a.py": ""}, true},
		{"setup.py", map[string]string{"setup.py": "", "test_a.py": ""}, true},
		{"uv", map[string]string{"pyproject.toml": pyproject, "uv.lock": "source = { virtual = \".\" }\n"}, false},
		{"uv with the project", map[string]string{"pyproject.toml": pyproject, "uv.lock": "source = { editable = \".\" }\n"}, false},
		{"uv with setup.py", map[string]string{"pyproject.toml": pyproject, "uv.lock": "source = { editable = \".\" }\n", "setup.py": ""}, true},
		{"poetry", map[string]string{"pyproject.toml": pyproject, "poetry.lock": ""}, false},
		{"poetry with a build script", map[string]string{"pyproject.toml": pyproject + "[tool.poetry.build]\nscript = \"build.py\"\n", "poetry.lock": ""}, true},
		{"go", map[string]string{"go.mod": "module a\nrequire b v1.0.0\n", "a.go": "package a\n"}, false},
		{"cargo", map[string]string{"Cargo.toml": "[package]\nname = \"a\"\n[dependencies]\nb = \"1\"\n", "build.rs": "", "src/lib.rs": ""}, false},
		{"maven", map[string]string{"pom.xml": "<project/>"}, true},
		{"gradle", map[string]string{"build.gradle": "", "gradlew": ""}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for name, text := range tt.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
			}
			p, err := project.Look(t.Context(), fsys)
			if err != nil {
				t.Fatal(err)
			}
			if p.RunsOwn != tt.want || len(p.Commands.Setup) == 0 {
				t.Errorf("it runs code of the project: %v; set-up is %+v", p.RunsOwn, p.Commands.Setup)
			}
		})
	}
}

// node is a package.json with scripts and a dependency of that version.
func node(scripts, version string) string {
	return fmt.Sprintf(`{"name": "a", "scripts": {%s}, "dependencies": {"b": %q}}`, scripts, version)
}

// TestCommandsRun runs what was found for Go with the toolchain that runs this
// test: each succeeds, and the format check fails when it should.
func TestCommandsRun(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
	}{
		{"module", map[string]string{"go.mod": "module example.com/m\n", "m.go": "package m\n", "m_test.go": "package m\n"}},
		{"with test data", map[string]string{"go.mod": "module example.com/m\n", "m.go": "package m\n", "testdata/odd.go": "package   odd\n"}},
		{"workspace", map[string]string{
			"go.work":  "go 1.24\n\nuse ./a\nuse ./b\n",
			"a/go.mod": "module example.com/a\n\ngo 1.24\n", "a/a.go": "package a\n", "a/a_test.go": "package a\n",
			"b/go.mod": "module example.com/b\n\ngo 1.24\n\nrequire example.com/a v0.0.0\n", "b/b.go": "package b\n\nimport _ \"example.com/a\"\n",
			"other/go.mod": "module example.com/other\n\ngo 1.24\n", "other/o.go": "package other\n",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				write(t, dir, name, text)
			}
			p, err := project.Look(t.Context(), rootOf(t, dir))
			if err != nil {
				t.Fatal(err)
			}
			c := p.Commands
			for _, list := range [][]project.Command{c.Setup, c.Build, c.Test, c.Lint, c.Format} {
				for _, c := range list {
					if out, err := run(t, dir, c); err != nil {
						t.Errorf("%s in %s: %v\n%s", c.Run, c.Dir, err, out)
					}
				}
			}
			if len(c.Build) == 0 || len(c.Format) == 0 {
				t.Fatalf("commands are missing: %+v", c)
			}
			write(t, dir, c.Format[0].Dir+"/ugly.go", "package   ugly\n")
			if out, err := run(t, dir, c.Format[0]); err == nil || !strings.Contains(out, "ugly.go") {
				t.Errorf("%s did not complain: %v\n%s", c.Format[0].Run, err, out)
			}
		})
	}
}

// run runs a command as a caller would: by sh, in its directory, offline.
func run(t *testing.T, root string, c project.Command) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", c.Run)
	cmd.Dir = filepath.Join(root, c.Dir)
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=", "GOWORK=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestHostileTrees looks at checkouts made to take long; each is done in a time
// that a test can wait for.
func TestHostileTrees(t *testing.T) {
	for _, name := range []string{"go.mod", "package.json", "pyproject.toml", "Cargo.toml", "pom.xml", "build.gradle", "go.work"} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for i := range 2000 {
				fsys[fmt.Sprintf("d%d/%s", i, name)] = &fstest.MapFile{Data: []byte("module x\n")}
				fsys[fmt.Sprintf("d%d/x.go", i)] = &fstest.MapFile{Data: []byte("package x\n")}
			}
			p, err := project.Look(t.Context(), fsys)
			if err != nil || p.Files != 4_000 {
				t.Fatal(p.Files, err)
			}
			if n := len(p.Commands.Build); n > 16 {
				t.Errorf("%d commands to build", n)
			}
		})
	}
}
