package apidiff_test

import (
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"autonoma/internal/apidiff"
)

func tree(archive string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return fsys
}

// written are items as "path name: what".
func written(items []apidiff.Item) []string {
	var all []string
	for _, i := range items {
		all = append(all, i.Path+" "+i.Name+": "+i.What)
	}
	return all
}

// names are all files of two trees.
func names(trees ...fstest.MapFS) []string {
	all := map[string]bool{}
	for _, t := range trees {
		for name := range t {
			all[name] = true
		}
	}
	return slices.Collect(maps.Keys(all))
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDiff(t *testing.T) {
	for _, tt := range []struct {
		name, base, head  string
		breaks, additions []string
	}{
		{"Go", `
-- a/a.go --
package a

type Client struct {
	Name string
	Age  int
	own  bool
}

func New(name string, opts ...Option) (*Client, error) { return nil, nil }
func (c *Client) Do(a, b int) error { return nil }
func (c *Client) Gone() {}
func (c *client) Hidden() {}

type Option func(*Client)
type Doer interface{ Do() }
type sealed interface{ do() }
type Old struct{ A int }

func (Old) Method() {}

const Max = 3
var Default Client
`, `
-- a/a.go --
package a

type Client struct {
	Name []byte
	Age  int
	More bool
}

func New(n string, more ...Option) (*Client, error) { return nil, nil }
func (c *Client) Do(a int, b int64) error { return nil }

type Option func(c *Client)
type Doer interface{ Do(); Undo() }
type sealed interface{ do(); Undo() }
type Fresh struct{ A int }

const Max = 4
var Default *Client
`, []string{
			"a/a.go Client.Do: it was func(int, int) error and is func(int, int64) error",
			"a/a.go Client.Gone: it is gone",
			"a/a.go Client.Name: it was string and is []byte",
			"a/a.go Default: it was a variable of type Client and is a variable of type *Client",
			"a/a.go Doer.Undo: it is new in an interface, so what implemented it does not any more",
			"a/a.go Old: it is gone",
		}, []string{"a/a.go Client.More: it is new", "a/a.go Fresh: it is new"}},
		{"Go: moved, and not for others", `
-- a/a.go --
package a

func Moved[T any](t T) T { return t }
func Asked[T any](t T) {}

type Box[T any] struct{ Value T }

func (b Box[T]) Get() T { return b.Value }
-- a/b.go --
package a
-- internal/c/c.go --
package c

func Gone() {}
-- cmd/d/main.go --
package main

func Gone() {}
-- a/a_test.go --
package a

func Gone() {}
`, `
-- a/a.go --
package a
-- a/b.go --
package a

func Moved[S any](s S) S { return s }
func Asked[T comparable](t T) {}

type Box[V any] struct{ Value V }

func (b Box[U]) Get() U { return b.Value }
-- internal/c/c.go --
package c
-- cmd/d/main.go --
package main
-- a/a_test.go --
package a
`, []string{"a/a.go Asked: it was func(T0) for any and is func(T0) for comparable"}, nil},
		{"TypeScript", `
-- src/a.ts --
export function gone(a: string) {}
export async function more(a: string): Promise<void> {}
export function fewer(a: string, b: number) {}
export const arrow = (a: string, { b, c }: Options = {}) => a
export function renamed(old: string) {}
export class Thing {}
export interface Options { a: string }
export { one, two as three }
export default function main() {}
const own = 1
-- src/a.test.ts --
export function gone() {}
`, `
-- src/a.ts --
export async function more(a: string, b: number): Promise<void> {}
export function fewer(a: string) {}
export const arrow = (a: number, { b }: Options = {}) => a
export function renamed(
  fresh: string,
  optional?: number,
) {}
export class Thing {}
export type Options = { a: string }
export { one }
export * from './b'
export const fresh = 1
`, []string{
			"src/a.ts Options: it was a interface and is a type",
			"src/a.ts arrow: its parameter a string became a number",
			"src/a.ts default: it is gone",
			"src/a.ts fewer: it takes 1 parameters and took 2",
			"src/a.ts gone: it is gone",
			"src/a.ts more: it needs one more parameter, b number",
			"src/a.ts three: it is gone",
		}, []string{"src/a.ts fresh: it is new"}},
		{"JavaScript", "-- a.js --\nexports.one = 1\nmodule.exports = { two, three: 3 }\n", "-- a.js --\nmodule.exports = { three: 4, four }\n",
			[]string{"a.js one: it is gone", "a.js two: it is gone"}, []string{"a.js four: it is new"}},
		{"Python", `
-- p/a.py --
from typing import List

def gone(a): pass
def moved(a): pass
def more(a): pass
def fine(a, *, key="x,(y"): pass
def renamed(a): pass
def _own(a): pass

class Thing:
    def __init__(self, a): pass
    def method(self, a): pass
    def _own(self): pass

def outer():
    def inner(): pass
-- p/all.py --
__all__ = ["one", "two"]

def one(): pass
def two(): pass
def three(): pass
-- p/__init__.py --
from .a import gone, moved
-- p/_own.py --
def gone(): pass
-- tests/test_a.py --
def gone(): pass
`, `
-- p/a.py --
from .b import moved

def more(a, b): pass
def fine(a, c=None, *, key="x", **rest): pass
def renamed(b): pass

class Thing:
    def __init__(self, a, b): pass
    def fresh(self): pass

def outer(): pass
-- p/all.py --
__all__ = ["one"]

def one(): pass
def two(): pass
-- p/__init__.py --
from .b import moved
`, []string{
			"p/__init__.py gone: it is gone",
			"p/a.py Thing.__init__: it needs one more parameter, b",
			"p/a.py Thing.method: it is gone",
			"p/a.py gone: it is gone",
			"p/a.py more: it needs one more parameter, b",
			"p/a.py renamed: its parameter a became b",
			"p/all.py two: it is gone",
		}, []string{"p/a.py Thing.fresh: it is new"}},
		{"Java", `
-- src/main/java/x/Users.java --
package x;

public class Users {
    public static final int MAX = 3;
    public Users(Store store) {}
    public List<User> find(String name, @Nullable Integer limit) { return null; }
    public void gone() {}
    void own() {}
    private void hidden() {}
}
`, `
-- src/main/java/x/Users.java --
package x;

public class Users {
    public static final long MAX = 3;
    public Users(Store store) {}
    public List<User> find(final String other, Integer limit) { return null; }
    public void fresh(Map<String, Integer> m) {}
}
`, []string{
			"src/main/java/x/Users.java Users.MAX: it returned int and returns long",
			"src/main/java/x/Users.java Users.gone(): it is gone",
		}, []string{"src/main/java/x/Users.java Users.fresh(Map<String, Integer>): it is new"}},
		{"Kotlin", `
-- src/A.kt --
class Users(val store: Store) {
    fun find(name: String, limit: Int = 3): List<User> = listOf()
    private fun own() {}
    fun gone() {}
}
internal class Own { fun gone() {} }
fun top(a: Int) {
    fun local() {}
}
`, `
-- src/A.kt --
class Users(val store: Store) {
    fun find(name: String, limit: Int): List<User> = listOf()
}
fun top(a: Long) {}
`, []string{
			"src/A.kt Users.find: its parameter limit Int must be given now",
			"src/A.kt Users.gone: it is gone",
			"src/A.kt top: its parameter a Int became a Long",
		}, nil},
		{"Rust", `
-- src/lib.rs --
pub struct Client {
    pub name: String,
    own: bool,
}

impl Client {
    pub fn new(name: &str) -> Self { todo!() }
    pub async fn send(&self, n: u32) -> Result<(), Error> { todo!() }
    pub(crate) fn own(&self) {}
}

impl<T: Clone> Doer for Other<T> {
    fn go(&self) {}
}

pub fn gone() {}
fn own() {}
pub const MAX: u32 = 3;
`, `
-- src/lib.rs --
pub struct Client {
    pub name: Vec<u8>,
}

impl Client {
    pub fn new(other: &str) -> Self { todo!() }
    pub async fn send(&mut self, n: u32) -> Result<u8, Error> { todo!() }
}

pub const MAX: u32 = 4;
pub enum Fresh { A }
`, []string{
			"src/lib.rs Client.name: it returned String and returns Vec<u8>",
			"src/lib.rs Client.send: its parameter &self became &mut self",
			"src/lib.rs gone: it is gone",
		}, []string{"src/lib.rs Fresh: it is new"}},
		{"OpenAPI", `
-- api/openapi.yaml --
openapi: 3.1.0
paths:
  /runs:
    parameters: []
    get:
      parameters:
        - {name: limit, in: query}
    post: {}
    delete: {}
`, `
-- api/openapi.yaml --
openapi: 3.1.0
paths:
  /runs:
    get:
      parameters:
        - {name: limit, in: query, required: true}
    post:
      requestBody: {required: true}
  /runs/{id}:
    get: {}
`, []string{
			"api/openapi.yaml DELETE /runs: it is gone",
			"api/openapi.yaml GET /runs: it needs limit in the query now",
			"api/openapi.yaml POST /runs: it needs a body now",
		}, []string{"api/openapi.yaml GET /runs/{id}: it is new"}},
		{"a whole file", "-- a.py --\ndef one(): pass\n", "-- b.md --\ndef two\n", []string{"a.py one: it is gone"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base, head := tree(tt.base), tree(tt.head)
			breaks, additions, err := apidiff.Diff(base, head, names(base, head))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "breaks", written(breaks), tt.breaks)
			same(t, "additions", written(additions), tt.additions)
			for _, both := range []fstest.MapFS{base, head} {
				if b, a, err := apidiff.Diff(both, both, names(both)); len(b)+len(a) > 0 || err != nil {
					t.Errorf("a tree differs from itself by %v and %v, %v", b, a, err)
				}
			}
		})
	}
}

// What cannot be parsed is said, and not taken for empty; the rest is compared.
func TestUnreadable(t *testing.T) {
	base := tree("-- a/a.go --\npackage a\n\nfunc A() {}\n-- b/b.go --\npackage b\n\nfunc B() {}\n-- openapi.json --\n{}\n")
	head := tree("-- a/a.go --\npackage a\n\nfunc A( {}\n-- b/b.go --\npackage b\n-- openapi.json --\n{\n")
	breaks, additions, err := apidiff.Diff(base, head, append(names(base), "../x.go", "missing.go"))
	same(t, "breaks", written(breaks), []string{"b/b.go B: it is gone"})
	same(t, "additions", written(additions), nil)
	if err == nil || !strings.Contains(err.Error(), "a/a.go") || !strings.Contains(err.Error(), "openapi.json") || strings.Contains(err.Error(), "b/b.go") {
		t.Errorf("the error is %v", err)
	}
}

// The project's own tree is what it is, whatever it is written in.
func TestOwnTree(t *testing.T) {
	root := os.DirFS("../..")
	var all []string
	err := fs.WalkDir(root, ".", func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			all = append(all, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if b, a, err := apidiff.Diff(root, root, all); len(b)+len(a) > 0 || err != nil {
		t.Errorf("it differs from itself by %v and %v, %v", b, a, err)
	}
	_, additions, err := apidiff.Diff(fstest.MapFS{}, root, []string{"run.go", "api/openapi.yaml"})
	text := strings.Join(written(additions), "\n")
	if err != nil || !strings.Contains(text, "run.go Run: it is new") || !strings.Contains(text, "openapi.yaml GET /v1/") {
		t.Errorf("compared with nothing it has %s, %v", text, err)
	}
}

func FuzzDiff(f *testing.F) {
	files := []string{"a.go", "a.ts", "a.py", "__init__.py", "A.java", "A.kt", "a.rs", "openapi.yaml"}
	f.Add(0, "package a\nfunc A(a, b int, c ...func(x int)) (d error) { return nil }\ntype B[T any] interface { C(); ~int }", "package a")
	f.Add(1, "export const a = <T,>(b: T, {c, d}: E = {}) => b", "export default 1\nexport { a as b }")
	f.Add(2, "def a(b, *, c=(1, 2)): pass\nclass D:\n    def e(self): pass", "__all__ = ['a']\nfrom b import (c, d)")
	f.Add(2, "def a(*,,,)", "def a(*, b, b)")
	f.Add(4, "public class A { public <T> List<T> b(Map<String, T> c) {} }", "public interface A {}")
	f.Add(5, "class A { fun b(c: Int = 3) {} }", "fun a(")
	f.Add(6, "impl<T> A for B<T> where T: C {\n pub fn d(&self) -> E {}\n}", "pub struct A {\n pub b: C,\n}")
	f.Add(7, "paths: {/a: {get: {parameters: [{name: b, required: true}]}}}", "paths: {/a: &a {get: *a}}")
	f.Fuzz(func(t *testing.T, which int, base, head string) {
		file := files[uint(which)%uint(len(files))]
		a, b := fstest.MapFS{file: {Data: []byte(base)}}, fstest.MapFS{file: {Data: []byte(head)}}
		if breaks, additions, err := apidiff.Diff(a, a, []string{file}); err == nil && len(breaks)+len(additions) > 0 {
			t.Errorf("a file differs from itself by %v and %v", breaks, additions)
		}
		breaks, _, _ := apidiff.Diff(a, b, []string{file})
		for _, i := range breaks {
			if i.Path != file || i.What == "" || len(i.What) > 500 {
				t.Errorf("an odd item: %+v", i)
			}
		}
	})
}
