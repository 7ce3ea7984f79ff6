package project

import (
	"fmt"
	"path"
	"strings"
)

// A manager is what installs the packages.
type manager struct {
	name, lock, install string
	makes               []string
}

// nodeManager decides by the manifest, then by the lock file. Two lock files
// without a word in the manifest are a question for the user.
func nodeManager(t *tree, p nodePackage) (manager, error) {
	locks := map[string]string{
		"npm":  t.first(p.dir, "package-lock.json", "npm-shrinkwrap.json"),
		"pnpm": t.first(p.dir, "pnpm-lock.yaml"),
		"yarn": t.first(p.dir, "yarn.lock"),
		"bun":  t.first(p.dir, "bun.lock", "bun.lockb"),
	}
	name, version, _ := strings.Cut(p.manager, "@")
	if name == "" {
		for _, n := range []string{"npm", "pnpm", "yarn", "bun"} {
			switch {
			case locks[n] == "":
			case name != "":
				return manager{}, fmt.Errorf("both %s and %s are there and packageManager does not choose", locks[name], locks[n])
			default:
				name = n
			}
		}
	}
	lock := locks[name]
	m := manager{name: name, lock: lock, makes: []string{"node_modules"}}
	switch name {
	case "", "npm":
		m.name, m.install = "npm", "npm install --no-package-lock --no-audit --no-fund"
		if lock != "" {
			m.install = "npm ci --no-audit --no-fund"
		}
	case "pnpm", "bun":
		m.install = name + " install"
		if lock != "" {
			m.install += " --frozen-lockfile"
		}
	case "yarn":
		m.install, m.makes = yarnInstall(lock != "", t.has(path.Join(p.dir, ".yarnrc.yml")) || version != "" && !strings.HasPrefix(version, "1."))
	default:
		return manager{}, fmt.Errorf("packageManager is %s, which is not known here", printable(oneLine(name, 40)))
	}
	return m, nil
}

// yarnInstall knows that Yarn from 2 on ("berry") has other flags and may put
// archives and a loader in the place of node_modules.
func yarnInstall(locked, berry bool) (install string, makes []string) {
	makes = []string{"node_modules"}
	if berry {
		makes = append(makes, ".pnp.cjs", ".pnp.loader.mjs", ".yarn/cache", ".yarn/unplugged", ".yarn/install-state.gz")
	}
	switch {
	case !locked:
		return "yarn install", makes
	case berry:
		return "yarn install --immutable", makes
	}
	return "yarn install --frozen-lockfile", makes
}
