package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"autonoma/internal/sandbox/stage"
)

// The user a command is, inside.
const (
	insideID   = 1000
	insideName = "agent"
	hostName   = "sandbox"
)

// etcDirs are the parts of /etc that programs need to work and that hold no
// secrets: certificates, alternatives, and the configuration of languages whose
// packages keep it there.
func etcDirs() []string {
	return []string{
		"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf",
		"/etc/ld.so.conf.d", "/etc/java-*", "/etc/maven", "/etc/perl", "/etc/python3*", "/etc/fonts", "/etc/mime.types",
		"/etc/protocols", "/etc/services", "/etc/magic", "/etc/debian_version", "/etc/terminfo", "/etc/nodejs",
	}
}

// system returns the steps that make the part of the root which all commands
// share. The result depends on the host only, and may be kept.
func system() []stage.Op {
	var ops []stage.Op
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		ops = append(ops, mirror(dir)...)
	}
	ops = append(ops, stage.Op{Kind: stage.Dir, Target: "/etc", Number: 0o755})
	for _, pattern := range etcDirs() {
		paths, _ := filepath.Glob(pattern) // the patterns are ours, and well-formed
		for _, path := range paths {
			ops = append(ops, mirror(path)...)
		}
	}
	if path, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		ops = append(ops, stage.Op{Kind: stage.Symlink, Target: "/etc/localtime", Source: path})
	}
	if b, err := os.ReadFile("/etc/os-release"); err == nil {
		ops = append(ops, file("/etc/os-release", string(b)))
	}
	ops = append(ops,
		file("/etc/passwd", fmt.Sprintf("root:x:0:0:root:/:/usr/sbin/nologin\n%s:x:%d:%d::%s:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n", insideName, insideID, insideID, HomePath)),
		file("/etc/group", fmt.Sprintf("root:x:0:\n%s:x:%d:\nnogroup:x:65534:\n", insideName, insideID)),
		// There are no other hosts: names are for the way out to look up.
		file("/etc/hosts", "127.0.0.1 localhost "+hostName+"\n::1 localhost\n"),
		file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
	)
	ops = append(ops, devices()...)
	return append(ops, stage.Op{Kind: stage.Proc, Target: "/proc"},
		stage.Op{Kind: stage.Dir, Target: "/run", Number: 0o755},
		stage.Op{Kind: stage.Dir, Target: "/var", Number: 0o755},
		stage.Op{Kind: stage.Symlink, Target: "/var/tmp", Source: "/tmp"})
}

// mirror shows a path of the host as it is there: a link as a link, anything
// else read-only, and what is missing not at all.
func mirror(path string) []stage.Op {
	fi, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	if fi.Mode()&os.ModeSymlink != 0 {
		to, err := os.Readlink(path)
		if err != nil {
			return nil
		}
		return []stage.Op{{Kind: stage.Symlink, Target: path, Source: to}}
	}
	return []stage.Op{{Kind: stage.Bind, Target: path, Source: path, FD: -1, Maybe: path != "/usr"}}
}

// devices returns the steps that make /dev.
func devices() []stage.Op {
	ops := []stage.Op{{Kind: stage.Dir, Target: "/dev", Number: 0o755}}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		path := "/dev/" + name
		ops = append(ops, stage.Op{Kind: stage.Bind, Target: path, Source: path, FD: -1, Number: stage.BindDevice, Maybe: name == "tty"})
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
		ops = append(ops, stage.Op{Kind: stage.Symlink, Target: "/dev/" + name, Source: to})
	}
	return append(ops, stage.Op{Kind: stage.Pts, Target: "/dev/pts"})
}

// rootOnly returns the steps that hide what the kernel tells root alone. They are
// for commands that are the host's root, if without its capabilities: to the kernel
// they own these files.
func rootOnly() []stage.Op {
	var ops []stage.Op
	for _, name := range []string{
		"kcore", "kpagecount", "kpageflags", "kpagecgroup", "mtrr", "pagetypeinfo", "sched_debug", "slabinfo", "timer_list", "vmallocinfo",
	} {
		path := "/proc/" + name
		if _, err := os.Lstat(path); err == nil {
			// Mounted like this, it cannot even be opened.
			ops = append(ops, stage.Op{Kind: stage.Bind, Target: path, Source: "/dev/null", FD: -1})
		}
	}
	return ops
}

func file(path, content string) stage.Op {
	return stage.Op{Kind: stage.File, Target: path, Source: content, Number: 0o644}
}

// scratch returns the steps that make what a command may write and that ends
// with it, and the paths of it.
func scratch(c Command) (ops []stage.Op, writable []string) {
	ops = []stage.Op{
		{Kind: stage.Tmpfs, Target: "/dev/shm", Number: uint64(c.Limits.Tmp / 4)},
		{Kind: stage.Tmpfs, Target: "/tmp", Number: uint64(c.Limits.Tmp)},
	}
	writable = []string{"/dev/shm", "/tmp"}
	if c.Home == "" {
		ops = append(ops, stage.Op{Kind: stage.Tmpfs, Target: HomePath, Number: uint64(c.Limits.Tmp)})
		writable = append(writable, HomePath)
	}
	return ops, writable
}

// mounts returns all that a command wants to see of the host, outer paths
// before those that lie in them.
func (c Command) mounts() []Mount {
	all := []Mount{{Source: c.Workspace, Target: WorkspacePath, Mode: Writable}}
	if c.Home != "" {
		all = append(all, Mount{Source: c.Home, Target: HomePath, Mode: Writable})
	}
	all = append(all, c.Mounts...)
	sort.SliceStable(all, func(i, j int) bool {
		return strings.Count(all[i].Target, "/") < strings.Count(all[j].Target, "/")
	})
	return all
}

// environment returns what the command finds in its environment at a level
// that maps paths.
func (c Command) environment() []string {
	env := []string{
		"PATH=" + systemPath, "HOME=" + HomePath, "LANG=C.UTF-8", "TMPDIR=/tmp",
		"USER=" + insideName, "LOGNAME=" + insideName,
	}
	env = override(env, c.Env)
	if c.Egress != nil {
		env = proxied(env, proxyURL(wayOutPort, ""))
	}
	return env
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// override returns env with what is in stronger added, or put in its place.
func override(env, stronger []string) []string {
	out := make([]string, 0, len(env)+len(stronger))
	at := map[string]int{}
	for _, kv := range append(append([]string(nil), env...), stronger...) {
		key, _, _ := strings.Cut(kv, "=")
		if i, ok := at[key]; ok {
			out[i] = kv
			continue
		}
		at[key] = len(out)
		out = append(out, kv)
	}
	return out
}
