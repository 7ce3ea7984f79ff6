package project

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestReadMakefile(t *testing.T) {
	m := readMakefile("X := a: b\n" +
		"one two: three \\\n  four # why\n\t@echo $(X)\n" +
		"url = http://example.com\n" +
		"%.o: %.c\n\tcc\n" +
		".PHONY: ghost\n" +
		"five:: ; true\n" +
		"define text\nsix: x\nendef\n" +
		"seven:\r\n")
	for _, tt := range []struct {
		target string
		needs  []string
		recipe []string
	}{
		{"one", []string{"three", "four"}, []string{"@echo $(X)"}},
		{"two", []string{"three", "four"}, []string{"@echo $(X)"}},
		{"five", nil, []string{"true"}},
		{"seven", nil, nil},
	} {
		got, ok := m.targets[tt.target]
		if !ok || !slices.Equal(got.needs, tt.needs) || !slices.Equal(got.recipe, tt.recipe) {
			t.Errorf("%s: %+v, want needs %q, recipe %q", tt.target, got, tt.needs, tt.recipe)
		}
	}
	if len(m.targets) != 4 {
		t.Errorf("more targets than there are: %v", m.targets)
	}
	if got := m.expand("$(X) ${url} $(none)$(MAKE)"); got != "a: b http://example.com make" {
		t.Errorf("expanded to %q", got)
	}
}

func TestReachesOut(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"go test ./...", ""},
		{"cargo test && npm run lint", ""},
		{"mkdir -p docker-files dockerfile", ""},
		{"cd x;docker compose up", "docker"},
		{"$(sudo rm x)", "sudo"},
		{"go install example.com/x@latest", "go install"},
		{"pip install -e .", "pip install"},
		{"git  clone x", "git clone"},
		{"npx --yes cowsay", "npx"},
		{"eslint .", ""},
	} {
		if got := reachesOut(tt.script); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.script, got, tt.want)
		}
	}
}

func TestMemberOf(t *testing.T) {
	for _, tt := range []struct {
		dir      string
		patterns string
		want     bool
	}{
		{"packages/a", "packages/*", true},
		{"packages/a", "./packages/*/", true},
		{"packages/a/b", "packages/*", false},
		{"packages/a/b", "packages/**", true},
		{"a/b/c/d", "**/c/*", true},
		{"packages/old", "packages/* !packages/old", false},
		{"packages/a", "packages/[", false},
		{"x", "", false},
	} {
		if got := memberOf(tt.dir, strings.Fields(tt.patterns)); got != tt.want {
			t.Errorf("%s in %s: %v", tt.dir, tt.patterns, got)
		}
	}
}

func TestPackageName(t *testing.T) {
	for _, tt := range []struct{ requirement, want string }{
		{"pytest", "pytest"},
		{"  Foo.Bar_baz >= 1", "foo-bar-baz"},
		{"httpx[http2]~=0.27; python_version > '3'", "httpx"},
		{"x @ https://example.com/x.whl", "x"},
		{"--index-url=http://evil", ""},
		{"-e .", ""},
		{"# pytest", ""},
		{"https://example.com/x.whl", ""},
		{"rm -rf /", ""},
		{"", ""},
	} {
		if got := packageName(tt.requirement); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.requirement, got, tt.want)
		}
	}
}

func TestQuotedIsOneWord(t *testing.T) {
	for _, s := range []string{"a b", "$(touch x)", "it's", "", "a;b", "`x`", "new\nline", "*", "~", "é", "-x", "a,b=c"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s' "+quoted(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%q became %q: %v", s, out, err)
		}
	}
}

func TestUnittestStart(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files string
		start string
		ok    bool
	}{
		{"beside the code", "test_a.py", "", true},
		{"in a package", "tests/__init__.py tests/test_a.py", "", true},
		{"in no package", "tests/test_a.py", "tests", true},
		{"a package in no package", "tests/unit/__init__.py tests/unit/test_a.py", "tests", true},
		{"in two places", "tests/test_a.py other/test_b.py", "", false},
		{"here and there", "test_a.py tests/test_b.py", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for f := range strings.FieldsSeq(tt.files) {
				fsys[f] = &fstest.MapFile{}
			}
			tree, err := walk(t.Context(), fsys)
			if err != nil {
				t.Fatal(err)
			}
			start, ok := findPythonTests(tree, ".").start()
			if start != tt.start || ok != tt.ok {
				t.Errorf("%q, %v; want %q, %v", start, ok, tt.start, tt.ok)
			}
		})
	}
}

func TestNameParts(t *testing.T) {
	for name, want := range map[string]string{
		"parseHTTPRequest": "parse http request", "snake_case": "snake case", "one": "one", "__x__y": "x y", "ÄöÜber": "äö über", "": "",
	} {
		if got := strings.Join(nameParts(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func FuzzMakefile(f *testing.F) {
	f.Add("all: a\n\tmake all\na: all ; x\n")
	f.Add("X=$(X)$(X)\nt:\n\t$(X)\n")
	f.Fuzz(func(t *testing.T, text string) {
		m := readMakefile(text)
		for name := range m.targets {
			if name == "" || strings.ContainsAny(name, " \t:=") {
				t.Errorf("a target called %q", name)
			}
			for _, l := range m.whole(name) {
				if len(l) > 4096 && !strings.Contains(text, l) {
					t.Errorf("a line grew to %d bytes", len(l))
				}
			}
		}
	})
}

// FuzzPackageJSON makes sure that whatever a manifest says, each command made
// of it is the manager and quoted words.
func FuzzPackageJSON(f *testing.F) {
	f.Add(`{"scripts": {"build": "x", "test": "y", "lint:$(x)": "z"}, "workspaces": ["a/*"], "packageManager": "yarn@4"}`)
	f.Add(`{"scripts": {"prelint": 1, "lint": "npm run lint"}, "workspaces": {"packages": ["**"]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := walk(t.Context(), fstest.MapFS{"package.json": {Data: []byte(text)}, "a/b/package.json": {Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		found := &findings{}
		detectNode(tree, found)
		for _, list := range [][]Command{found.Setup, found.Build, found.Test, found.Lint, found.Format} {
			for _, c := range list {
				if strings.ContainsAny(c.Run+c.Fix, ";&|$`\n") {
					t.Errorf("an odd command: %+v", c)
				}
			}
		}
	})
}

func FuzzPython(f *testing.F) {
	f.Add("[project]\nname='x'\n[dependency-groups]\ntest=['pytest', {include-group='test'}]", "[testenv]\ndeps =\n  pytest\n  -r x\n", "a --hash=x")
	f.Fuzz(func(t *testing.T, pyproject, ini, reqs string) {
		tree, err := walk(t.Context(), fstest.MapFS{
			"pyproject.toml": {Data: []byte(pyproject)}, "tox.ini": {Data: []byte(ini)}, "setup.cfg": {Data: []byte(ini)},
			"requirements.txt": {Data: []byte(reqs)}, "tests/test_a.py": {Data: []byte(reqs)},
		})
		if err != nil {
			t.Fatal(err)
		}
		found := &findings{}
		detectPython(tree, found)
		for _, c := range found.Setup {
			if c.Dir != "." || !strings.Contains(c.Run, "install") && !strings.Contains(c.Run, "sync") {
				t.Errorf("an odd command: %+v", c)
			}
		}
	})
}

func FuzzOutline(f *testing.F) {
	f.Add("a.go", []byte("package a\nfunc ((("))
	f.Add("a.ts", []byte("export class A {\n"))
	f.Add("a.py", []byte("def \xff(\n"))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		for _, d := range newOutliner().outline(path.Base(name), text) {
			if strings.ContainsAny(d.text, "\n\r\x1b") || len(d.text) > maxDefinition+2 {
				t.Errorf("an odd definition: %q", d.text)
			}
		}
	})
}
