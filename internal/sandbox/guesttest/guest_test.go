// Package guesttest boots another kernel in an emulator and runs the tests of the
// sandbox there, as root and as a user: with control groups of version 2 delegated
// to both, which the machines that build this project do not have, and with an
// older Landlock.
//
// The guest is Debian's kernel, a disk with the handful of programs that the tests
// call, and this very test program as process 1. It needs qemu, mke2fs and a kernel
// package unpacked where AUTONOMA_TEST_KERNEL says, as .ci/run does it.
package guesttest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kernelVar names the directory that a kernel package was unpacked to.
const kernelVar = "AUTONOMA_TEST_KERNEL"

// most is how long the guest may take. It emulates every instruction: two minutes on
// two cores that nobody else wants, many on those that many want.
const most = 20 * time.Minute

func TestMain(m *testing.M) {
	if os.Getpid() == 1 && os.Getenv(guestVar) != "" {
		live()
	}
	os.Exit(m.Run())
}

// TestSandboxInGuest is the whole point of the package.
func TestSandboxInGuest(t *testing.T) {
	kernel, qemu := os.Getenv(kernelVar), ""
	var err error
	if kernel != "" {
		qemu, err = exec.LookPath("qemu-system-x86_64")
	}
	if kernel == "" || err != nil {
		if os.Getenv("AUTONOMA_TEST_REQUIRE") == "1" {
			t.Fatalf("no guest: install qemu-system-x86 and unpack a kernel package where %s says (%v)", kernelVar, err)
		}
		t.Logf("no guest on this machine: %s is not set, or qemu-system-x86_64 is not installed", kernelVar)
		return
	}
	dir := t.TempDir()
	image, initrd := filepath.Join(dir, "disk"), filepath.Join(dir, "initrd")
	makeDisk(t, image)
	makeInitrd(t, initrd, kernel)
	vmlinuz, err := filepath.Glob(filepath.Join(kernel, "boot/vmlinuz-*"))
	if err != nil || len(vmlinuz) == 0 {
		t.Fatalf("no kernel below %s", kernel)
	}

	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemu, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536", "-no-reboot", "-nodefaults", "-display", "none",
		"-serial", "stdio", "-kernel", vmlinuz[0], "-initrd", initrd, "-drive", "file="+image+",format=raw,if=virtio,cache=unsafe",
		"-append", "console=ttyS0 loglevel=3 panic=-1 mitigations=off "+guestVar+"=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	err = cmd.Run()
	said := strings.ReplaceAll(out.String(), "\r", "")
	if err != nil || strings.Count(said, passed) != len(users()) || testing.Verbose() {
		t.Logf("the guest said, within %s:\n%s", time.Since(begin).Round(time.Second), said)
	}
	if err != nil {
		t.Fatalf("the guest ended with %v", err)
	}
	for _, u := range users() {
		if !strings.Contains(said, u.name+" "+passed) {
			t.Errorf("the tests did not pass in the guest as %s", u.name)
		}
	}
}
