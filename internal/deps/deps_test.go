package deps_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"autonoma/internal/deps"
)

// A project in all languages, with the versions that its lock files chose.
func TestRead(t *testing.T) {
	text, err := os.ReadFile("testdata/all.txtar")
	if err != nil {
		t.Fatal(err)
	}
	set := read(t, tree(string(text)))
	same(t, "it depends on", written(set.Deps),
		"Go github.com/google/uuid v1.6.0 *",
		"Go github.com/new/thing v1.1.0 *",
		"Go golang.org/x/text v0.14.0",
		"Maven com.fasterxml.jackson.core:jackson-databind 2.15.2 *",
		"Maven com.squareup.okhttp3:okhttp 4.12.0 *",
		"Maven org.junit:junit-bom 5.10.0 *",
		"Maven org.parent:decides  *",
		"Packagist monolog/monolog 3.5.0 *",
		"Packagist phpunit/phpunit 10.5.0",
		"PyPI black 23.1.0 *",
		"PyPI django 4.2.7 *",
		"PyPI flask 3.0.0 *",
		"PyPI jinja2 3.1.2 *",
		"PyPI numpy 1.26.4 *",
		"PyPI sqlparse 0.4.4",
		"RubyGems rack 2.2.8",
		"RubyGems rails 7.0.8 *",
		"crates.io libc 0.2.150 *",
		"crates.io rand_core 0.6.4",
		"crates.io serde 1.0.193 *",
		"npm @babel/core 7.23.0",
		"npm @scope/kit 1.0.0 *",
		"npm @vue/shared 3.4.0",
		"npm chalk 5.3.0 *",
		"npm lodash 4.17.20 *",
		"npm lodash 4.17.21 *",
		"npm react 17.0.2 *",
		"npm react 18.2.0 *",
		"npm vite 5.0.4 *",
		"npm vue 3.4.0 *",
	)
	same(t, "its problems are", problems(set.Problems()),
		"go.mod: github.com/new/thing: github.com/old/thing is replaced by github.com/new/thing (high)")
	c := deps.Diff(set, set)
	if len(c.Added)+len(c.Updated)+len(c.Removed)+len(c.Problems) > 0 {
		t.Errorf("it differs from itself by %+v", c)
	}
}

// A member of a workspace goes by the lock file of its root.
func TestWorkspace(t *testing.T) {
	set := read(t, tree(`
-- package.json --
{"workspaces": ["packages/*"]}
-- package-lock.json --
{"packages": {"node_modules/ms": {"version": "2.1.3"}}}
-- packages/a/package.json --
{"dependencies": {"ms": "^2.0.0"}}
`))
	same(t, "it depends on", written(set.Deps), "npm ms 2.1.3 *")
	same(t, "its problems are", problems(set.Problems()))
}

func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		name, files string
		want        []string
	}{
		{"no lock file", `
-- package.json --
{"dependencies": {"a": "*", "b": "^1.0.0", "c": "1.0.0", "d": "latest"}}
`, []string{
			"package.json: a may be of any version, and no lock file says which (medium)",
			"package.json: b may be of several versions, and no lock file says which (low)",
			"package.json: d may be of any version, and no lock file says which (medium)",
		}},
		{"other places of npm", `
-- package.json --
{"dependencies": {
  "a": "git+https://user:secret@git.example.org/a.git", "b": "github:x/b#0123456789012345678901234567890123456789",
  "c": "file:../outside", "d": "file:./inside", "e": "https://example.org/e.tgz"}}
-- package-lock.json --
{"packages": {"node_modules/x": {"version": "1.0.0", "resolved": "https://evil.example/x.tgz"}, "node_modules/y": {"version": "1.0.0", "resolved": "http://registry.npmjs.org/y.tgz"}}}
`, []string{
			"package-lock.json: x: it is fetched from https://evil.example and not from the registry (medium)",
			"package-lock.json: y: it is fetched without encryption (medium)",
			"package.json: a: it is taken from git+https://git.example.org/a.git, where it can change, and not from the registry (high)",
			"package.json: b: it is taken from github:x/b#0123456789012345678901234567890123456789 and not from the registry (medium)",
			"package.json: c: it is taken from ../outside, which is outside of the repository (medium)",
			"package.json: e: it is taken from https://example.org/e.tgz, where it can change, and not from the registry (high)",
		}},
		{"pip", `
-- requirements.txt --
--extra-index-url https://pypi.example.org/simple
--trusted-host pypi.example.org
a
b>=2
c==1.0
d @ git+https://example.org/d@main
-e ../e#egg=e
./wheels/f.whl
`, []string{
			"requirements.txt: a may be of any version, and no lock file says which (medium)",
			"requirements.txt: b may be of any version, and no lock file says which (medium)",
			"requirements.txt: d: it is taken from git+https://example.org/d@main, where it can change, and not from the registry (high)",
			"requirements.txt: e: it is taken from ../e#egg=e, which is outside of the repository (medium)",
			"requirements.txt: packages are taken from https://pypi.example.org/simple (medium)",
			"requirements.txt: the certificate of pypi.example.org is not verified (high)",
		}},
		{"others", `
-- Cargo.toml --
[dependencies]
a = { git = "https://example.org/a" }
b = { path = "../../b" }
-- Gemfile --
gem "c", git: "https://example.org/c"
-- pom.xml --
<project><dependencies><dependency><groupId>g</groupId><artifactId>d</artifactId><version>1.0-SNAPSHOT</version></dependency></dependencies></project>
-- build.gradle --
    implementation 'g:e:1.+'
`, []string{
			"Cargo.toml: a: it is taken from https://example.org/a, where it can change, and not from the registry (high)",
			"Cargo.toml: b: it is taken from ../../b, which is outside of the repository (medium)",
			"Gemfile: c: it is taken from https://example.org/c, where it can change, and not from the registry (high)",
			"build.gradle: g:e may be of several versions, and no lock file says which (low)",
			"pom.xml: g:d may be of any version, and no lock file says which (medium)",
		}},
		{"what cannot be read", "-- package.json --\n{\n-- a/pyproject.toml --\n[\n-- b/pom.xml --\n<project>\n", []string{
			"a/pyproject.toml: its dependencies cannot be read (medium)",
			"b/pom.xml: its dependencies cannot be read (medium)",
			"package.json: its dependencies cannot be read (medium)",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			same(t, "the problems", problems(read(t, tree(tt.files)).Problems()), tt.want...)
		})
	}
}

const small = `
-- go.mod --
module m

require (
	example.org/a v1.0.0
	example.org/b v1.0.0
	example.org/c v1.0.0 // indirect
)
-- go.sum --
old
`

func TestDiff(t *testing.T) {
	base := read(t, tree(small))
	edited := strings.NewReplacer("a v1.0.0", "a v1.2.0", "b v1.0.0", "d v0.1.0", "// indirect", "").Replace(small)

	c := deps.Diff(base, read(t, tree(strings.Replace(edited, "old", "new", 1))))
	same(t, "added", written(c.Added), "Go example.org/d v0.1.0 *")
	same(t, "updated", written(c.Updated), "Go example.org/a v1.2.0 was v1.0.0 *")
	same(t, "removed", written(c.Removed), "Go example.org/b v1.0.0 *")
	same(t, "problems", problems(c.Problems))

	c = deps.Diff(base, read(t, tree(edited)))
	same(t, "problems of a forgotten lock file", problems(c.Problems), "go.mod: its dependencies changed, but go.sum did not: update it too (medium)")
	c = deps.Diff(base, read(t, tree(strings.Replace(small, "module m", "module m // renamed", 1))))
	same(t, "problems of what is no dependency", problems(c.Problems))

	c = deps.Diff(deps.Set{}, base)
	if len(c.Added) != 3 || len(c.Problems) != 0 {
		t.Errorf("to an empty tree, %v was added, with %v", written(c.Added), problems(c.Problems))
	}
}

// What a project does everywhere is told of one more dependency, and is no fault of it.
func TestCustoms(t *testing.T) {
	lock := func(host string, names ...string) string {
		var all []string
		for _, n := range names {
			all = append(all, fmt.Sprintf(`"node_modules/%s": {"version": "1.0.0", "resolved": "%s/%s.tgz"}`, n, host, n))
		}
		return `-- package-lock.json --` + "\n" + `{"packages": {` + strings.Join(all, ", ") + "}}\n"
	}
	const ours, plain = "https://npm.example.org", "http://npm.example.org"
	for _, tt := range []struct{ name, base, head, want string }{
		{"a registry of its own", lock(ours, "a"), lock(ours, "a", "b"), "package-lock.json: b: it is fetched from https://npm.example.org and not from the registry (low)"},
		{"one that is new", lock("https://registry.npmjs.org", "a"), lock(ours, "b"), "package-lock.json: b: it is fetched from https://npm.example.org and not from the registry (medium)"},
		{"no encryption", lock(plain, "a"), lock(plain, "a", "b"), "package-lock.json: b: it is fetched without encryption (medium)"},
		{"no version", "-- requirements.txt --\na\n", "-- requirements.txt --\na\nb>=2\n", "requirements.txt: b may be of any version, and no lock file says which (low)"},
		{"versions so far", "-- requirements.txt --\na==1\n", "-- requirements.txt --\na==1\nb\n", "requirements.txt: b may be of any version, and no lock file says which (medium)"},
	} {
		same(t, tt.name, problems(deps.Diff(read(t, tree(tt.base)), read(t, tree(tt.head))).Problems), tt.want)
	}
}

// Lock files count that are not read, and those of the project's own parts need not change.
func TestLocks(t *testing.T) {
	for _, tt := range []struct{ name, base, head, want string }{
		{"bun", "-- bun.lock --\n{}\n", "-- package.json --\n{\"dependencies\": {\"a\": \"latest\"}}\n-- bun.lock --\n{\"a\": 1}\n", ""},
		{"bun, forgotten", "-- bun.lock --\n{}\n", "-- package.json --\n{\"dependencies\": {\"a\": \"latest\"}}\n-- bun.lock --\n{}\n", "package.json: its dependencies changed, but bun.lock did not: update it too (medium)"},
		{"pdm", "", "-- pyproject.toml --\n[project]\nname = \"x\"\ndependencies = [\"a>=2\"]\n-- pdm.lock --\n[[package]]\nname = \"a\"\nversion = \"2.1\"\n", ""},
		{"a part of its own", "-- package-lock.json --\n{}\n", "-- package-lock.json --\n{}\n-- examples/a/package.json --\n{\"dependencies\": {\"x\": \"file:../..\"}}\n", ""},
	} {
		c := deps.Diff(read(t, tree(tt.base)), read(t, tree(tt.head)))
		if got := strings.Join(problems(c.Problems), "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if tt.name == "pdm" && (len(c.Added) != 1 || c.Added[0].Version != "2.1") {
			t.Errorf("pdm: %+v", c.Added)
		}
	}
}

// The lock file of Cargo need not change where a version that is asked for does.
func TestCargoLock(t *testing.T) {
	const base = "-- Cargo.toml --\n[dependencies]\na = \"1\"\n-- Cargo.lock --\n[[package]]\nname = \"a\"\nversion = \"1.4.0\"\nsource = \"registry+x\"\n"
	for head, want := range map[string][]string{
		strings.Replace(base, `"1"`, `"1.3"`, 1):                    nil,
		strings.Replace(base, `a = "1"`, "a = \"1\"\nb = \"1\"", 1): {"Cargo.toml: its dependencies changed, but Cargo.lock did not: update it too (medium)"},
	} {
		same(t, "problems", problems(deps.Diff(read(t, tree(base)), read(t, tree(head))).Problems), want...)
	}
}

// Who takes the name of a package that everybody knows is told, once.
func TestLookalikes(t *testing.T) {
	manifest := func(name string) deps.Set {
		return read(t, tree("-- requirements.txt --\nrequests==2.31.0\n"+name+"==1.0\n"))
	}
	base := read(t, tree("-- requirements.txt --\nrequests==2.31.0\n"))
	for _, name := range []string{"requestz", "reqeusts", "request", "djang-o", "nunpy"} {
		got := problems(deps.Diff(base, manifest(name)).Problems)
		if len(got) != 1 || !strings.Contains(got[0], name+" is called almost like ") || !strings.HasSuffix(got[0], "(high)") {
			t.Errorf("of %s it says %q", name, got)
		}
	}
	for _, name := range []string{"numpy", "attrs", "our-own-thing", "rich"} {
		same(t, name, problems(deps.Diff(base, manifest(name)).Problems))
	}
	same(t, "one that was there", problems(deps.Diff(manifest("requestz"), manifest("requestz")).Problems))
}

// A tree of strangers is read within bounds.
func TestBounds(t *testing.T) {
	if _, err := deps.Read(os.DirFS("/nonexistent/of/course")); err == nil {
		t.Error("a tree that is not there could be read")
	}
	fsys := fstest.MapFS{"package.json": {Data: []byte(strings.Repeat(" ", 33<<20))}}
	same(t, "a huge manifest", problems(read(t, fsys).Problems()), "package.json: its dependencies cannot be read (medium)")
	dir := t.TempDir()
	write(t, dir, map[string]string{"outside.json": `{"dependencies": {"a": "*"}}`})
	if err := os.Symlink("outside.json", dir+"/package.json"); err != nil {
		t.Fatal(err)
	}
	same(t, "a link", written(read(t, os.DirFS(dir)).Deps))
}

func FuzzRead(f *testing.F) {
	names := []string{"go.mod", "package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "requirements.txt", "pyproject.toml", "uv.lock",
		"Cargo.toml", "Cargo.lock", "pom.xml", "build.gradle", "Gemfile", "Gemfile.lock", "composer.json", "composer.lock"}
	all, err := os.ReadFile("testdata/all.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for name, file := range tree(string(all)) {
		for i, n := range names {
			if strings.HasSuffix(name, n) {
				f.Add(i, string(file.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, which int, text string) {
		name := names[uint(which)%uint(len(names))]
		set := read(t, fstest.MapFS{"a/" + name: {Data: []byte(text)}})
		for _, d := range set.Deps {
			if d.Ecosystem == "" || d.File != "a/"+name {
				t.Errorf("an odd dependency: %+v", d)
			}
			deps.PURL(d)
			deps.Licence(fstest.MapFS{}, d)
		}
		if c := deps.Diff(set, set); len(c.Added)+len(c.Updated)+len(c.Removed)+len(c.Problems) > 0 {
			t.Errorf("it differs from itself by %+v", c)
		}
	})
}
