package sandbox

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// reserved are targets that a mount may not replace: they are what the
// sandbox is made of. Below most of them mounts are welcome.
func reserved(target string) bool {
	switch target {
	case "/", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/tmp", WorkspacePath, HomePath:
		return true
	}
	return target == "/proc" || target == "/dev" || strings.HasPrefix(target, "/proc/") || strings.HasPrefix(target, "/dev/")
}

// check returns what is wrong with a command, before anything is done.
func (c Command) check() error {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return fmt.Errorf("%w: no program to run", ErrInvalid)
	}
	if !filepath.IsAbs(c.Workspace) {
		return fmt.Errorf("%w: workspace %q is not an absolute path", ErrInvalid, c.Workspace)
	}
	if fi, err := os.Stat(c.Workspace); err != nil || !fi.IsDir() {
		return fmt.Errorf("%w: workspace %s is not a directory", ErrInvalid, c.Workspace)
	}
	if c.Home != "" && !filepath.IsAbs(c.Home) {
		return fmt.Errorf("%w: home %q is not an absolute path", ErrInvalid, c.Home)
	}
	if c.Dir != "" && !filepath.IsLocal(c.Dir) {
		return fmt.Errorf("%w: directory %q leads out of the workspace", ErrInvalid, c.Dir)
	}
	for _, s := range append(append([]string{c.Dir}, c.Argv...), c.Env...) {
		if strings.ContainsRune(s, 0) {
			return fmt.Errorf("%w: %q contains a zero byte", ErrInvalid, s)
		}
	}
	for _, kv := range c.Env {
		if key, _, ok := strings.Cut(kv, "="); !ok || key == "" {
			return fmt.Errorf("%w: %q in the environment is not KEY=value", ErrInvalid, kv)
		}
	}
	if err := c.Limits.check(); err != nil {
		return err
	}
	for _, m := range c.Mounts {
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

func (m Mount) check() error {
	switch {
	case !filepath.IsAbs(m.Source):
		return fmt.Errorf("%w: source %q of a mount is not an absolute path", ErrInvalid, m.Source)
	case !path.IsAbs(m.Target) || path.Clean(m.Target) != m.Target:
		return fmt.Errorf("%w: target %q of a mount is not an absolute, clean path", ErrInvalid, m.Target)
	case reserved(m.Target):
		return fmt.Errorf("%w: %s belongs to the sandbox and cannot be the target of a mount", ErrInvalid, m.Target)
	case strings.ContainsRune(m.Source+m.Target+m.Upper, 0):
		return fmt.Errorf("%w: a mount contains a zero byte", ErrInvalid)
	}
	switch m.Mode {
	case "", ReadOnly, Writable, Public:
		return nil
	case Overlay:
		if !filepath.IsAbs(m.Upper) {
			return fmt.Errorf("%w: upper directory %q of %s is not an absolute path", ErrInvalid, m.Upper, m.Target)
		}
		return nil
	}
	return fmt.Errorf("%w: unknown mode %q of %s", ErrInvalid, m.Mode, m.Target)
}
