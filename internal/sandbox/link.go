package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// noLink refuses a target that lies in what commands can write, and is reached
// through a link there. A program that makes mounts by their paths would follow it,
// and make what is missing where it leads, on the host.
func (c Command) noLink(target string) error {
	for _, m := range c.mounts() {
		in, err := filepath.Rel(m.Target, target)
		if err != nil || in == "." || !filepath.IsLocal(in) || m.Mode != Writable && m.Mode != Overlay {
			continue
		}
		dirs := []string{m.Source}
		if m.Mode == Overlay {
			dirs = append(dirs, filepath.Join(m.Upper, "upper"))
		}
		for _, dir := range dirs {
			if link := linkOnTheWay(dir, in); link != "" {
				return fmt.Errorf("mount at %s: %s is a link, which a command may have made", target, filepath.Join(m.Target, link))
			}
		}
	}
	return nil
}

// linkOnTheWay returns the first link on a path below dir; nothing if there is none.
func linkOnTheWay(dir, path string) string {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "" // then it cannot be mounted either
	}
	defer root.Close()
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != filepath.Separator {
			continue
		}
		if fi, err := root.Lstat(path[:i]); err == nil && fi.Mode()&fs.ModeSymlink != 0 {
			return path[:i]
		}
	}
	return ""
}
