package project

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// detectRust gives commands to each workspace and to each crate that stands
// alone. Cargo is always told to stay offline; set-up has fetched before.
func detectRust(t *tree, f *findings) {
	roots, workspaces := map[string]bool{}, map[string]bool{}
	for _, dir := range f.units("A Cargo.toml", t.dirsOf("Cargo.toml")) {
		file := path.Join(dir, "Cargo.toml")
		manifest, ok := readTOML(t, file)
		if !ok {
			f.note("%s: not a manifest that can be read.", file)
			continue
		}
		own := lookup(manifest, "workspace") != nil
		if over, ok := nearest(dir, roots); ok && !own && workspaces[over] {
			continue // a member, or left out of its workspace on purpose
		}
		roots[dir], workspaces[dir] = true, own
		cargoCommands(t, f, dir, own, manifest)
	}
}

func cargoCommands(t *tree, f *findings, dir string, workspace bool, manifest map[string]any) {
	from, lock, all := path.Join(dir, "Cargo.toml"), path.Join(dir, "Cargo.lock"), ""
	if workspace {
		all = " --workspace"
	}
	if cargoNeeds(t, dir, workspace, manifest) {
		setup := Command{Run: "cargo fetch", Dir: dir, From: from}
		if t.has(lock) {
			setup.Run, setup.From = "cargo fetch --locked", lock
		} else {
			f.makes = append(f.makes, lock) // which versions were fetched
		}
		f.Setup = append(f.Setup, setup)
		f.decides = append(f.decides, lock, path.Join(dir, ".cargo/config.toml"), path.Join(dir, "rust-toolchain.toml"), path.Join(dir, "rust-toolchain"))
		for _, d := range t.dirsOf("Cargo.toml") {
			if within(d, dir) {
				f.decides = append(f.decides, path.Join(d, "Cargo.toml"))
			}
		}
	}
	f.Build = append(f.Build, Command{Run: "cargo build --offline" + all, Dir: dir, From: from})
	if rustTests(t, dir) {
		f.Test = append(f.Test, Command{Run: "cargo test --offline" + all, Dir: dir, From: from})
	} else {
		f.note("%s: no test was found in the sources, so no test command.", from)
	}
	f.Lint = append(f.Lint, Command{Run: "cargo clippy --offline --all-targets" + all, Dir: dir, From: from})
	f.Format = append(f.Format, Command{Run: "cargo fmt --all --check", Fix: "cargo fmt --all", Dir: dir, From: from})
}

// cargoNeeds reports whether anything must be fetched: crates of others that do
// not lie in the checkout.
func cargoNeeds(t *tree, dir string, workspace bool, manifest map[string]any) bool {
	if text, ok := t.manifest(path.Join(dir, ".cargo/config.toml")); ok && bytes.Contains(text, []byte("vendored-sources")) {
		return false
	}
	if lock := path.Join(dir, "Cargo.lock"); t.has(lock) {
		text, ok := t.manifest(lock)
		return !ok || bytes.Contains(text, []byte("\nsource = "))
	}
	return workspace || cargoForeign(manifest)
}

// cargoForeign reports whether a crate names one that is no path beside it.
func cargoForeign(manifest map[string]any) bool {
	for _, table := range []string{"dependencies", "dev-dependencies", "build-dependencies"} {
		deps, _ := lookup(manifest, table).(map[string]any)
		for _, d := range deps {
			if detail, ok := d.(map[string]any); !ok || detail["path"] == nil {
				return true
			}
		}
	}
	return lookup(manifest, "target") != nil
}

func rustTests(t *tree, dir string) bool {
	return slices.ContainsFunc(t.below(dir), func(file file) bool {
		if path.Ext(file.path) != ".rs" || aside(path.Dir(relativeTo(dir, file.path))) {
			return false
		}
		text, _ := t.read(file.path, maxText)
		return bytes.Contains(text, []byte("#[test]")) || bytes.Contains(text, []byte("::test]")) ||
			bytes.Contains(text, []byte("::test(")) || bytes.Contains(text, []byte("proptest!")) || bytes.Contains(text, []byte("#[rstest"))
	})
}

// hasTestsBelow reports whether there are sources in a src/test directory, as
// Maven and Gradle have them.
func hasTestsBelow(t *tree, dir string) bool {
	return slices.ContainsFunc(t.below(dir), func(file file) bool {
		switch path.Ext(file.path) {
		case ".java", ".kt", ".groovy", ".scala":
			return strings.Contains("/"+relativeTo(dir, file.path), "/src/test/")
		}
		return false
	})
}
