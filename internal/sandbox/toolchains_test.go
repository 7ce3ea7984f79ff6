package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestToolchains(t *testing.T) {
	home := filepath.Join(publicDir(t), "somebody")
	for _, path := range []string{
		".cargo/bin/cargo", ".cargo/credentials.toml", ".rustup/toolchains/stable/bin/rustc", ".ssh/id_ed25519", ".aws/credentials",
		".config/gh/hosts.yml", "go/bin/tool", "sdk/go/bin/go", "tools/bin/x", ".nvm/versions/node/v20/bin/node", ".nvm/nvm.sh",
	} {
		write(t, filepath.Join(home, path), "#!/bin/sh\necho "+filepath.Base(path)+"\n")
		if err := os.Chmod(filepath.Join(home, path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(home, "tools"), filepath.Join(home, "current")); err != nil {
		t.Fatal(err)
	}
	at := func(p string) string { return filepath.Join(home, p) }
	host := map[string]string{
		"HOME": home,
		"PATH": strings.Join([]string{at("go/bin"), at(".cargo/bin"), at("sdk/go/bin"), at("current/bin"), at(".ssh"), at(".config/gh"), home,
			"relative", "", "/does/not/exist", "/usr/bin", "/tmp", "/", "/etc"}, ":"),
		"GOROOT":  at("sdk/go"),
		"NVM_DIR": at(".nvm"),
	}
	mounts, env := Toolchains(func(key string) string { return host[key] })

	shown := func(path string) bool {
		return slices.ContainsFunc(mounts, func(m Mount) bool { return within(path, m.Target) })
	}
	for _, p := range []string{".cargo/bin/cargo", ".rustup/toolchains/stable", "go/bin/tool", "sdk/go/bin/go", "current/bin/x", "tools/bin/x", ".nvm/versions/node"} {
		if !shown(at(p)) {
			t.Errorf("%s is not shown", p)
		}
	}
	for _, p := range []string{".cargo/credentials.toml", ".ssh/id_ed25519", ".aws/credentials", ".config/gh/hosts.yml", ".nvm/nvm.sh", ""} {
		if shown(at(p)) {
			t.Errorf("%q is shown", p)
		}
	}
	for _, m := range mounts {
		if err := m.check(); err != nil || m.Mode != Public {
			t.Errorf("%+v: %v", m, err)
		}
	}
	want := "PATH=" + strings.Join([]string{at("go/bin"), at(".cargo/bin"), at("sdk/go/bin"), at("current/bin"), "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/sbin", "/bin"}, ":")
	if env[0] != want {
		t.Errorf("got %s\nwant %s", env[0], want)
	}
	if !slices.Contains(env, "RUSTUP_HOME="+at(".rustup")) || !slices.Contains(env, "NVM_DIR="+at(".nvm")) {
		t.Errorf("the environment is %q", env)
	}

	level(t, mapping, func(t *testing.T, s Sandbox) {
		got := sh(t, s, "tool; cargo; go; x", Command{Mounts: mounts, Env: env})
		if got.out != "tool\ncargo\ngo\nx\n" {
			t.Errorf("%+v %s", got.Exit, got.out)
		}
	})
}

// The toolchains of this very machine can be shown.
func TestOwnToolchains(t *testing.T) {
	mounts, env := Toolchains(os.Getenv)
	level(t, confining, func(t *testing.T, s Sandbox) {
		if got := sh(t, s, "exit 0", Command{Mounts: mounts, Env: env}); !got.OK() {
			t.Errorf("%+v %s", got.Exit, got.out)
		}
	})
}
