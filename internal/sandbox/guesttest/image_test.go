package guesttest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// programs are what the tests of the sandbox call.
func programs() []string {
	return strings.Fields(`sh bash bwrap cat chmod cp cut date dd env false fallocate find getent grep head id ln ls mkdir mkfifo mount mv
		nohup prlimit rm rmdir sed seq setsid sleep sort stat sync tail tee touch tr true truncate tty umount uname unshare wc yes`)
}

// makeDisk makes a file system with the programs, what they are linked to, and the
// tests of the sandbox.
func makeDisk(t *testing.T, image string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	for _, dir := range []string{"usr/bin", "usr/lib", "usr/lib64", "etc", "proc", "sys", "dev", "tmp", "root"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "usr/sbin": "bin"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0::/root:/bin/sh\nuser:x:4242:4242::/tmp:/bin/sh\n", "etc/group": "root:x:0:\nuser:x:4242:\n",
		"etc/hosts": "127.0.0.1 localhost\n", "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n", "etc/os-release": "NAME=guest\n",
		"etc/shadow": "root:*:::::::\n",
	} {
		mode := os.FileMode(0o644)
		if name == "etc/shadow" {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range programs() {
		addProgram(t, root, name)
	}
	build(t, filepath.Join(root, "usr/bin/sandbox.test"), "autonoma/internal/sandbox")
	tool(t, "mke2fs", "-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", root, image, "768M")
}

// addProgram copies a program of this machine with the libraries it needs.
func addProgram(t *testing.T, root, name string) {
	t.Helper()
	at, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	copyTo(t, filepath.Join(root, "usr/bin", name), at)
	for _, word := range strings.Fields(tool(t, "ldd", at)) {
		if strings.HasPrefix(word, "/") {
			copyTo(t, filepath.Join(root, word), word)
		}
	}
}

// build compiles the tests of a package to a program that needs nothing else.
func build(t *testing.T, to, pkg string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", to, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// tool runs a program of this machine and returns what it prints.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if at, err := exec.LookPath("/usr/sbin/" + name); err == nil {
		cmd.Path, cmd.Err = at, nil
	}
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "statically linked") && !strings.Contains(string(out), "not a dynamic executable") {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}

func copyTo(t *testing.T, to, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
}

// modules are what the kernel needs to find its disk, and overlays, in the order in
// which they are loaded.
func modules() []string {
	return []string{"virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk", "overlay"}
}

// makeInitrd makes what the kernel starts from: this program, and modules.
func makeInitrd(t *testing.T, to, kernel string) {
	t.Helper()
	self := filepath.Join(t.TempDir(), "init")
	build(t, self, "autonoma/internal/sandbox/guesttest")
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := &archive{w: f}
	a.file("init", 0o100755, read(t, self))
	for _, dir := range []string{"proc", "sys", "dev", "new", "modules"} {
		a.file(dir, 0o040755, nil)
	}
	for _, name := range modules() {
		found, err := filepath.Glob(filepath.Join(kernel, "lib/modules/*/kernel/*", "*", name+".ko"))
		if err != nil || len(found) != 1 {
			t.Fatalf("module %s: found %q, %v", name, found, err)
		}
		a.file("modules/"+name+".ko", 0o100644, read(t, found[0]))
	}
	a.file("TRAILER!!!", 0, nil)
	if a.err != nil {
		t.Fatal(a.err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An archive is in the form that the kernel unpacks: cpio, newc.
type archive struct {
	w     io.Writer
	inode int
	err   error
}

func (a *archive) file(name string, mode int, content []byte) {
	a.inode++
	var b bytes.Buffer
	fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0, name)
	b.Write(make([]byte, -b.Len()&3))
	b.Write(content)
	b.Write(make([]byte, -b.Len()&3))
	if _, err := a.w.Write(b.Bytes()); a.err == nil {
		a.err = err
	}
}
