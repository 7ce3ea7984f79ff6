package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"autonoma/internal/sandbox/stage"
)

// A bundle is a command's world as programs for containers take it: a directory
// with an empty root, and a list of what is mounted there.
type bundle struct {
	dir    string
	mounts []ociMount
}

// An ociMount is a mount as the OCI runtime specification writes it.
type ociMount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options,omitempty"`
}

func (b *bundle) root() string { return filepath.Join(b.dir, "root") }

// make makes the root for the steps of a view, and lists its mounts. What makes
// /dev is left to the program, which knows how.
func (b *bundle) make(ops []stage.Op) error {
	for _, op := range ops {
		if strings.HasPrefix(op.Target, "/dev/") && op.Kind != stage.Tmpfs || op.Target == "/dev" {
			continue
		}
		if err := b.step(op); err != nil {
			return fmt.Errorf("make %s: %w", op.Target, err)
		}
	}
	return nil
}

// step makes one step. The root is new and ours: nothing in it leads elsewhere.
func (b *bundle) step(op stage.Op) error {
	at := filepath.Join(b.root(), op.Target)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	switch op.Kind {
	case stage.Dir:
		return os.MkdirAll(at, os.FileMode(op.Number))
	case stage.File:
		return os.WriteFile(at, []byte(op.Source), os.FileMode(op.Number))
	case stage.Symlink:
		return os.Symlink(op.Source, at)
	case stage.Bind:
		return b.bind(op.Source, op.Target, ReadOnly)
	case stage.Tmpfs:
		b.mounts = append(b.mounts, ociMount{op.Target, "tmpfs", "tmpfs", []string{"nosuid", "nodev", "mode=1777", fmt.Sprintf("size=%d", op.Number)}})
		return os.MkdirAll(at, 0o755)
	case stage.Proc:
		b.mounts = append(b.mounts, ociMount{op.Target, "proc", "proc", []string{"nosuid", "nodev", "noexec"}})
		return os.MkdirAll(at, 0o755)
	case stage.Pts, stage.Overlay, stage.OverlayLower, stage.OverlayUpper:
	}
	return nil
}

// bind shows source at target.
func (b *bundle) bind(source, target string, mode Mode) error {
	fi, err := os.Stat(source)
	if err != nil {
		return err
	}
	way := "ro"
	if mode == Writable {
		way = "rw"
	}
	b.mounts = append(b.mounts, ociMount{target, "bind", source, []string{"rbind", "nosuid", "nodev", way}})
	if strings.HasPrefix(target, WorkspacePath+"/") || strings.HasPrefix(target, HomePath+"/") {
		return nil // it lies in what is mounted there
	}
	at := filepath.Join(b.root(), target)
	if fi.IsDir() {
		return os.MkdirAll(at, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(at, os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// view makes all that a command sees. Its own program is shown as well: it is
// process 1 there.
func (b *bundle) view(system []stage.Op, c Command, self string) error {
	if err := os.Mkdir(b.root(), 0o755); err != nil {
		return err
	}
	temporary, _ := scratch(c)
	for _, ops := range [][]stage.Op{system, temporary} {
		if err := b.make(ops); err != nil {
			return err
		}
	}
	for _, m := range c.mounts() {
		if m.Mode == Overlay {
			return fmt.Errorf("%w: %s at %s", ErrNoOverlay, m.Source, m.Target)
		}
		if err := c.noLink(m.Target); err != nil {
			return err
		}
		if err := b.bind(m.Source, m.Target, m.Mode); err != nil {
			return fmt.Errorf("mount at %s: %w", m.Target, err)
		}
	}
	return b.bind(self, stagePath, ReadOnly)
}

// write writes the bundle's configuration: process 1 is our stage, as user 0
// without any of root's powers.
func (b *bundle) write() error {
	// Our stage needs these to become an ordinary user, and leaves them with that.
	powers := []string{"CAP_SETUID", "CAP_SETGID", "CAP_SETFCAP", "CAP_SYS_ADMIN"}
	none := []string{}
	spaces := []map[string]string{}
	for _, kind := range []string{"pid", "ipc", "uts", "mount", "network"} {
		spaces = append(spaces, map[string]string{"type": kind})
	}
	p, err := json.Marshal(map[string]any{
		"ociVersion": "1.0.2",
		"process": map[string]any{
			"user": map[string]int{"uid": 0, "gid": 0}, "cwd": "/", "args": []string{stagePath}, "env": stageEnv(stage.Guest), "noNewPrivileges": true,
			"capabilities": map[string][]string{"bounding": powers, "effective": powers, "inheritable": none, "permitted": powers, "ambient": none},
		},
		"root": map[string]any{"path": b.root(), "readonly": true}, "hostname": hostName, "mounts": b.mounts,
		"linux": map[string]any{"namespaces": spaces},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.dir, "config.json"), p, 0o600)
}
