package reclaim_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"autonoma/internal/reclaim"
)

// swapper is the variable by which the test program plays a stranger who swaps a
// directory for a link.
const swapper = "RECLAIM_TEST_SWAP"

func TestMain(m *testing.M) {
	if dir := os.Getenv(swapper); dir != "" {
		swap(dir)
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever a stranger leaves, it can be removed, and nothing beside it is touched.
func TestRemoveAll(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, dir, outside string){
		"nothing": func(*testing.T, string, string) {},
		"a file":  func(t *testing.T, dir, _ string) { must(t, os.WriteFile(dir, nil, 0)) },
		"a link":  func(t *testing.T, dir, outside string) { must(t, os.Symlink(outside, dir)) },
		"links": func(t *testing.T, dir, outside string) {
			must(t, os.Mkdir(dir, 0o755))
			must(t, os.Symlink(outside, dir+"/link"))
			must(t, os.Symlink(outside+"/kept", dir+"/file"))
			must(t, os.Link(outside+"/kept", dir+"/hard"))
			must(t, os.Symlink("loop", dir+"/loop"))
		},
		"special files": func(t *testing.T, dir, _ string) {
			must(t, os.Mkdir(dir, 0o755))
			must(t, unix.Mkfifo(dir+"/pipe", 0))
			must(t, unix.Mknod(dir+"/socket", unix.S_IFSOCK, 0))
		},
		"long names": func(t *testing.T, dir, _ string) {
			for range 20 {
				dir += "/" + strings.Repeat("n", 150)
				must(t, os.MkdirAll(dir, 0o755))
			}
			must(t, os.Mkdir(filepath.Dir(dir)+"/"+strings.Repeat("x", 255), 0o755))
		},
		"odd names": func(t *testing.T, dir, _ string) {
			for _, n := range []string{" ", "\n", "-rf", "\xff\xfe", "..."} {
				must(t, os.MkdirAll(dir+"/"+n+"/"+n, 0o755))
			}
		},
		"closed directories": func(t *testing.T, dir, _ string) {
			must(t, os.MkdirAll(dir+"/a/b/c", 0o755))
			must(t, os.WriteFile(dir+"/a/b/c/f", nil, 0))
			for _, d := range []string{"/a/b/c", "/a/b", "/a", ""} {
				must(t, os.Chmod(dir+d, 0))
			}
		},
		"many files": func(t *testing.T, dir, _ string) {
			must(t, os.Mkdir(dir, 0o755))
			for i := range 20_000 {
				must(t, unix.Mknod(fmt.Sprintf("%s/%d", dir, i), unix.S_IFREG|0o600, 0))
			}
		},
		"a deep tree": func(t *testing.T, dir, _ string) { deep(t, dir, 5_000) },
	} {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			must(t, os.WriteFile(outside+"/kept", []byte("kept"), 0o600))
			dir := filepath.Join(t.TempDir(), "dir")
			make(t, dir, outside)
			must(t, reclaim.RemoveAll(dir))
			if _, err := os.Lstat(dir); !os.IsNotExist(err) {
				t.Errorf("it is still there: %v", err)
			}
			if b, err := os.ReadFile(outside + "/kept"); string(b) != "kept" {
				t.Errorf("beside it there is %q, %v", b, err)
			}
		})
	}
}

// deep makes directories in each other, each of them closed.
func deep(t *testing.T, dir string, levels int) {
	t.Helper()
	must(t, os.Mkdir(dir, 0o700))
	fd, err := unix.Open(dir, unix.O_PATH, 0)
	must(t, err)
	for i := range levels {
		must(t, unix.Mkdirat(fd, "d", 0o700))
		next, err := unix.Openat(fd, "d", unix.O_PATH, 0)
		must(t, err)
		if i%7 == 0 {
			must(t, unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", next), 0o300))
		}
		must(t, unix.Close(fd))
		fd = next
	}
	must(t, unix.Close(fd))
}

// A deep tree takes no more descriptors than a flat one: those of the server are
// for all its runs.
func TestDeepTreeTakesFewDescriptors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	deep(t, dir, 2_000)
	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	defer func() { must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 128, Max: before.Max}))
	must(t, reclaim.RemoveAll(dir))
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

// While a directory is removed, a stranger's process swaps those in it for links
// that lead out. Nothing out there is removed, opened or closed.
func TestRemoveAllWhileSwapped(t *testing.T) {
	outside := t.TempDir()
	must(t, os.WriteFile(outside+"/kept", []byte("kept"), 0o600))
	must(t, os.Mkdir(outside+"/closed", 0o700))
	must(t, os.Chmod(outside+"/closed", 0o500))
	for range 6 {
		dir := filepath.Join(t.TempDir(), "dir")
		for i := range 50 {
			must(t, os.MkdirAll(fmt.Sprintf("%s/%d/closed", dir, i), 0o700))
			must(t, os.Symlink(outside, fmt.Sprintf("%s/link%d", dir, i)))
		}
		stranger := exec.Command("/proc/self/exe")
		stranger.Env = append(os.Environ(), swapper+"="+dir)
		stranger.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
		ready, err := stranger.StdoutPipe()
		must(t, err)
		must(t, stranger.Start())
		_, err = ready.Read(make([]byte, 1))
		must(t, err)
		_ = reclaim.RemoveAll(dir) // the stranger may win, which is not the point
		must(t, stranger.Process.Kill())
		_ = stranger.Wait()
		must(t, reclaim.RemoveAll(dir))
	}
	if b, err := os.ReadFile(outside + "/kept"); string(b) != "kept" {
		t.Errorf("outside there is %q, %v", b, err)
	}
	if info, err := os.Stat(outside + "/closed"); err != nil || info.Mode().Perm() != 0o500 {
		t.Errorf("outside there is %v, %v", info, err)
	}
}

// swap exchanges directories and links until it is killed.
func swap(dir string) {
	for first := true; ; first = false {
		for i := range 50 {
			_ = unix.Renameat2(unix.AT_FDCWD, fmt.Sprintf("%s/%d", dir, i), unix.AT_FDCWD, fmt.Sprintf("%s/link%d", dir, i), unix.RENAME_EXCHANGE)
		}
		if first {
			fmt.Println()
		}
	}
}

// What strangers close is opened, and what is no directory or file of theirs is not.
func TestUnlock(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/closed", 0))
	must(t, reclaim.Unlock(dir+"/closed"))
	if info, err := os.Stat(dir + "/closed"); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("it is %v, %v", info, err)
	}
	must(t, os.Mkdir(dir+"/other", 0o500))
	must(t, os.Symlink("other", dir+"/link"))
	if err := reclaim.Unlock(dir + "/link"); err == nil {
		t.Error("a link was followed")
	}
	must(t, os.WriteFile(dir+"/file", nil, 0o400))
	must(t, os.Symlink("file", dir+"/file-link"))
	fd, err := reclaim.Dir(unix.AT_FDCWD, dir)
	must(t, err)
	defer unix.Close(fd)
	if err := reclaim.File(fd, "file-link"); err == nil {
		t.Error("a link to a file was followed")
	}
	must(t, reclaim.File(fd, "file"))
	for name, want := range map[string]os.FileMode{"other": 0o500, "file": 0o600} {
		if info, err := os.Stat(dir + "/" + name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s is %v, %v", name, info, err)
		}
	}
}

// To root nothing is closed: for others all this has to be shown too.
func TestUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		return // they are shown
	}
	const nobody = 4242
	dir, err := os.MkdirTemp("", "autonoma-test-") //nolint:usetesting // that of the test is closed to other users
	must(t, err)
	t.Cleanup(func() { must(t, reclaim.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	program, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	must(t, os.WriteFile(dir+"/tests", program, 0o755))
	must(t, os.Mkdir(dir+"/tmp", 0o700))
	must(t, os.Chown(dir+"/tmp", nobody, nobody))
	cmd := exec.CommandContext(t.Context(), dir+"/tests", "-test.count=1")
	cmd.Dir, cmd.Env = dir+"/tmp", append(os.Environ(), "TMPDIR="+dir+"/tmp")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as user %d: %v\n%s", nobody, err, out)
	}
}
