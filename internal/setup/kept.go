package setup

import (
	"os"
	"path/filepath"
)

// Kept returns the directories in which packages lie that commands can use, by their
// paths here: a cache of Go modules, what holds node_modules, and those of Python. No
// command of a run can change what is in them.
func (in *Installer) Kept(done Installed) []string {
	place := filepath.Join(in.dir, done.Key)
	modules := filepath.Join(place, "caches", "go-mod")
	if done.Key == "" || empty(modules) {
		modules = caches[0].onHost(in.getenv)
	}
	dirs := []string{modules}
	if done.Key != "" {
		python, _ := filepath.Glob(filepath.Join(place, "tree", "*", "lib", "python*", "site-packages")) // fails only for a bad pattern
		dirs = append(dirs, filepath.Join(place, "tree"))
		for _, dir := range python {
			if inside(place, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	var there []string
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			there = append(there, dir)
		}
	}
	return there
}

// inside reports whether a path leads to what lies in dir. Packages make links as
// they are installed, and who looks for their licences is to read no other files.
func inside(dir, path string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return false
	}
	in, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(in)
}
