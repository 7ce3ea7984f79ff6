package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
)

// privateHome is privateDir, with a home in it if the command has none.
func privateHome(c *Command) (dir string, remove func(), err error) {
	dir, remove, err = privateDir("")
	if err != nil || c.Home != "" {
		return dir, remove, err
	}
	c.Home = filepath.Join(dir, "home")
	if err := os.Mkdir(c.Home, 0o700); err != nil {
		remove()
		return "", nil, fmt.Errorf("make a home for a command: %w", err)
	}
	return dir, remove, nil
}

// shortTemp is where temporary files are if that is a short path, which programs need
// that make sockets below it, and else where they usually are.
func shortTemp() string {
	const short = 20
	if dir := os.TempDir(); len(dir) <= short {
		return dir
	}
	return "/tmp"
}
