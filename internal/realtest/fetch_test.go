package realtest

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autonoma/internal/egress"
	"autonoma/internal/outbound"
)

// missing ends a test for which something is not there.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("AUTONOMA_TEST_REQUIRE") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// packageClient runs a package client and returns what it prints.
func packageClient(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		missing(t, "%v", err)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	var told bytes.Buffer
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		missing(t, "the registry was asked for %s: %v\n%s%s", args[len(args)-1], err, told.Bytes(), out)
	}
	return out
}

// goModule fetches a module that has at least so many lines of Go.
func goModule(module string, atLeast int) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		dir := scratch(t)
		var got struct{ Dir string }
		if err := json.Unmarshal(packageClient(t, dir, "go", "mod", "download", "-json", module), &got); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, "module")
		n := copyModule(t, got.Dir, to)
		if n < atLeast {
			t.Fatalf("%s has %d lines of Go, want %d", module, n, atLeast)
		}
		return to
	}
}

// copyModule copies a module out of the cache, where nothing can be written, and
// counts its lines of Go.
func copyModule(t *testing.T, from, to string) (lines int) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if filepath.Ext(path) == ".go" {
			lines += bytes.Count(b, []byte("\n"))
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		write(t, filepath.Join(to, name), string(b))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// npmPackage fetches a package as it is published.
func npmPackage(name string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		dir := scratch(t)
		packageClient(t, dir, "npm", "pack", "--silent", name)
		return unpack(t, dir)
	}
}

// pythonSource fetches the source distribution of a package.
func pythonSource(name string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		dir := scratch(t)
		packageClient(t, dir, "pip", "download", "--quiet", "--no-binary", ":all:", "--no-deps", name)
		return unpack(t, dir)
	}
}

// unpack unpacks the only archive in a directory, which holds one directory.
func unpack(t *testing.T, dir string) string {
	t.Helper()
	archives, err := filepath.Glob(filepath.Join(dir, "*gz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("the registry gave %v: %v", archives, err)
	}
	to := filepath.Join(dir, "unpacked")
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", archives[0], "-C", to, "--no-same-owner").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	inside, err := os.ReadDir(to)
	if err != nil || len(inside) != 1 {
		t.Fatalf("the archive holds %v: %v", inside, err)
	}
	return filepath.Join(to, inside[0].Name())
}

// The server is told in its environment how to reach the registries, in the way
// its set-up hands on. Where the clients of this machine know that from files of
// their own, the tests read it from them.

// goSettings also gives the server an empty module cache: what the tests need
// must come by set-up.
func goSettings(t *testing.T) []string {
	t.Helper()
	return append(known("GOPROXY", "go", "env", "GOPROXY"), "GOMODCACHE="+scratch(t))
}

func npmSettings(t *testing.T) []string {
	t.Helper()
	return append(known("npm_config_registry", "npm", "config", "get", "registry"), known("npm_config_cafile", "npm", "config", "get", "cafile")...)
}

func pipSettings(t *testing.T) []string {
	t.Helper()
	return append(known("PIP_INDEX_URL", "pip", "config", "get", "global.index-url"), known("PIP_CERT", "pip", "config", "get", "global.cert")...)
}

// mirrors returns the setting by which the registries may have addresses that are not
// public, as they have where a mirror stands for them.
func mirrors(t *testing.T) string {
	t.Helper()
	all, err := egress.ParseHosts(egress.Registries)
	if err != nil {
		t.Fatal(err)
	}
	var private []string
	for _, h := range all {
		addrs, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip", h.Name)
		if err == nil && slices.ContainsFunc(addrs, func(a netip.Addr) bool { return !outbound.Public(a) }) {
			private = append(private, h.Name)
		}
	}
	return "AUTONOMA_PRIVATE_HOSTS=" + strings.Join(private, ",")
}

// known returns a variable with what a client says, if it says anything.
func known(variable string, command ...string) []string {
	out, err := exec.Command(command[0], command[1:]...).Output()
	v := strings.TrimSpace(string(out))
	if err != nil || v == "" || v == "null" || v == "undefined" {
		return nil
	}
	return []string{variable + "=" + v}
}
