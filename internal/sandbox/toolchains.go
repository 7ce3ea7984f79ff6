package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Toolchains finds the compilers, interpreters and package managers that the
// server's user has outside the system directories, and returns what shows them
// to a command: Public mounts, each at the path it has on the host, as
// toolchains remember where they are; and the environment that makes them found,
// PATH first. getenv is where to look: os.Getenv.
//
// It offers the directories in PATH and those that GOROOT, JAVA_HOME and the
// like name, with what their programs need beside them. It never offers a home
// directory, a system directory that is visible anyway, or anything in which
// credentials are kept.
func Toolchains(getenv func(string) string) (mounts []Mount, env []string) {
	f := &finder{getenv: getenv, home: getenv("HOME")}
	if f.home != "" {
		f.home = filepath.Clean(f.home)
	}
	for _, t := range f.known() {
		dir := getenv(t.variable)
		if dir == "" {
			dir = t.usual
		}
		before := len(f.mounts)
		f.offer(dir, t.parts)
		if t.keep && (len(f.mounts) > before || visible(dir)) {
			env = append(env, t.variable+"="+dir)
		}
	}
	f.offer("/opt", nil)
	var path []string
	for _, dir := range filepath.SplitList(getenv("PATH")) {
		if dir = f.inPath(dir); dir != "" && !slices.Contains(path, dir) {
			path = append(path, dir)
		}
	}
	for _, dir := range filepath.SplitList(systemPath) {
		if !slices.Contains(path, dir) {
			path = append(path, dir)
		}
	}
	return f.mounts, append([]string{"PATH=" + strings.Join(path, ":")}, env...)
}

// A toolchain is a place where one kind of tools is kept.
type toolchain struct {
	variable string   // names the place
	usual    string   // where it is if the variable is not set; may be empty
	parts    []string // what to show of it; nil for all
	keep     bool     // the tools need the variable too
}

func (f *finder) known() []toolchain {
	at := func(name string) string {
		if f.home == "" {
			return ""
		}
		return filepath.Join(f.home, name)
	}
	return []toolchain{
		{"GOROOT", "/usr/local/go", nil, false},
		{"JAVA_HOME", "", nil, true},
		{"RUSTUP_HOME", at(".rustup"), []string{"toolchains", "settings.toml"}, true},
		{"CARGO_HOME", at(".cargo"), []string{"bin"}, false},
		{"PYENV_ROOT", at(".pyenv"), nil, true},
		{"NVM_DIR", at(".nvm"), []string{"versions", "alias"}, true},
		{"VOLTA_HOME", at(".volta"), []string{"bin", "tools"}, true},
		{"SDKMAN_DIR", at(".sdkman"), []string{"candidates"}, true},
		{"RBENV_ROOT", at(".rbenv"), nil, true},
		{"DENO_INSTALL", at(".deno"), []string{"bin"}, false},
		{"BUN_INSTALL", at(".bun"), []string{"bin"}, false},
	}
}

// A finder collects mounts.
type finder struct {
	getenv func(string) string
	home   string
	mounts []Mount
}

// inPath returns the directory of PATH under which a command finds it, or
// nothing if it does not get to see it.
func (f *finder) inPath(dir string) string {
	if !filepath.IsAbs(dir) {
		return ""
	}
	dir = filepath.Clean(dir)
	if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
		return ""
	}
	if visible(dir) || f.offered(dir) {
		return dir
	}
	f.offer(dir, nil)
	if f.offered(dir) {
		return dir
	}
	return ""
}

// offer shows a directory, or parts of it, at the path it is known by and, if
// that is a link, at the one it leads to.
func (f *finder) offer(dir string, parts []string) {
	if dir == "" || !filepath.IsAbs(dir) {
		return
	}
	if parts == nil {
		parts = []string{""}
	}
	for _, part := range parts {
		path := filepath.Join(dir, part)
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			continue
		}
		for _, target := range []string{path, real} {
			if visible(target) || f.offered(target) || f.private(real) || f.private(target) {
				continue
			}
			f.mounts = append(f.mounts, Mount{Source: real, Target: target, Mode: Public})
		}
	}
}

// offered tells whether path is in one of the mounts.
func (f *finder) offered(path string) bool {
	return slices.ContainsFunc(f.mounts, func(m Mount) bool { return within(path, m.Target) })
}

// private tells whether path must not be shown: because it is a home directory
// or holds one, or because it is where programs keep what is to be kept secret.
func (f *finder) private(path string) bool {
	if f.home != "" && within(f.home, path) {
		return true
	}
	for _, dir := range []string{"/", "/home", "/root", "/tmp", "/var", "/var/tmp", "/run", "/etc", "/dev", "/proc", "/sys", "/mnt", "/media", "/srv", "/boot", WorkspacePath, HomePath} {
		if path == dir || dir != "/" && within(dir, path) {
			return true
		}
	}
	for _, tree := range []string{"/proc", "/sys", "/dev", "/run", "/etc"} {
		if within(path, tree) {
			return true
		}
	}
	for _, name := range strings.Split(path, "/") {
		switch name {
		case ".ssh", ".gnupg", ".aws", ".azure", ".config", ".docker", ".kube", ".netrc", ".password-store", ".git":
			return true
		}
	}
	// /home/somebody is a home, whoever's it is.
	return filepath.Dir(path) == "/home" || filepath.Dir(path) == "/Users"
}

// visible tells whether a path is in what every command sees.
func visible(path string) bool {
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"} {
		if within(path, dir) {
			return true
		}
	}
	return false
}

// within tells whether path is dir or lies in it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
