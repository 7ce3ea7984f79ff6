package gate

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"autonoma"
	"autonoma/internal/deps"
)

// depends returns what the change does to the dependencies; nothing if it touches no
// file that names any.
func (f *Facts) depends(ctx context.Context) (deps.Change, error) {
	if f.depended != nil {
		return *f.depended, nil
	}
	c, err := f.changes(ctx)
	if err != nil {
		return deps.Change{}, err
	}
	var change deps.Change
	if slices.ContainsFunc(c.Files, func(file File) bool { return namesDeps(file.Path) || namesDeps(file.Old) }) {
		base, err := depsOf(ctx, f.Base)
		if err != nil {
			return deps.Change{}, err
		}
		head, err := depsOf(ctx, f.Head)
		if err != nil {
			return deps.Change{}, err
		}
		change = deps.Diff(base, head)
	}
	f.depended = &change
	return change, nil
}

// namesDeps reports whether a file may name dependencies.
func namesDeps(p string) bool {
	return isManifest(p) || isLock(p) || strings.HasPrefix(path.Base(p), "requirements") && path.Ext(p) == ".txt"
}

func depsOf(ctx context.Context, files func(context.Context) (Tree, error)) (deps.Set, error) {
	tree, err := files(ctx)
	if err != nil {
		return deps.Set{}, err
	}
	var paths []string
	err = fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && namesDeps(p) {
			paths = append(paths, p)
		}
		return err
	})
	if err == nil {
		err = tree.Fetch(paths...)
	}
	if err != nil {
		return deps.Set{}, err
	}
	return deps.Read(tree)
}

// dependencyAudit counts what is wrong with dependencies that were added or updated.
func dependencyAudit(ctx context.Context, f *Facts) (Measured, error) {
	c, err := f.depends(ctx)
	if err != nil {
		return Measured{}, err
	}
	changed := slices.Concat(c.Added, c.Updated)
	if len(changed) == 0 && len(c.Problems) == 0 {
		return skipped("no dependency was changed")
	}
	var bad, other []string
	for _, p := range c.Problems {
		text := fmt.Sprintf("%s: %s", p.File, p.What)
		if p.Risk == autonoma.LowRisk {
			other = append(other, text)
		} else {
			bad = append(bad, text)
		}
	}
	known, aside, err := f.advisories(changed)
	m, _ := counted(append(bad, known...), fmt.Sprintf("%d dependencies were added or updated, and nothing is wrong with them", len(changed)), "dependencies with problems")
	if len(other) > 0 {
		m.Message += "; of lower risk: " + few(other)
	}
	m.Message += aside
	return m, err
}

// advisories returns what is known against dependencies, and what is not known.
func (f *Facts) advisories(changed []deps.Dep) (known []string, aside string, _ error) {
	if f.policy.Advisories == "" {
		return nil, "; advisories were not looked up, for the operator names none", nil
	}
	db, err := deps.OpenOSV(f.policy.Advisories)
	if err != nil {
		return nil, "", err
	}
	defer db.Close()
	var blind []string
	for _, d := range changed {
		covers, err := db.Covers(d.Ecosystem)
		if err != nil {
			return nil, "", err
		}
		if !covers && !slices.Contains(blind, d.Ecosystem) {
			blind = append(blind, d.Ecosystem)
		}
		found, err := db.Match(d)
		if err != nil {
			return nil, "", err
		}
		for _, a := range found {
			text := fmt.Sprintf("%s: %s %s has the advisory %s (%s)", d.File, d.Name, d.Version, a.ID, clip(a.Summary))
			if a.Fixed != "" {
				text += ": take " + a.Fixed + " or later"
			}
			known = append(known, text)
		}
	}
	if len(blind) > 0 {
		aside = "; there are no advisories about " + strings.Join(blind, ", ")
	}
	return known, aside, nil
}

// licence counts new dependencies whose licence is known and not allowed.
func licence(ctx context.Context, f *Facts) (Measured, error) {
	c, err := f.depends(ctx)
	if err != nil {
		return Measured{}, err
	}
	if len(c.Added) == 0 {
		return skipped("no dependency was added")
	}
	head, err := f.Head(ctx)
	if err != nil {
		return Measured{}, err
	}
	roots := []fs.FS{head}
	for _, dir := range f.Packages {
		root, err := os.OpenRoot(dir) // a package may hold links to anywhere
		if err != nil {
			return Measured{}, err
		}
		defer root.Close()
		roots = append(roots, root.FS())
	}
	var bad, dark []string
	for _, d := range c.Added {
		id := licenceOf(d, roots)
		switch {
		case id == "":
			dark = append(dark, d.Name)
		case !allowed(id, f.policy.Licences):
			bad = append(bad, fmt.Sprintf("%s: %s comes under %s, which is not among the allowed: choose another", d.File, d.Name, id))
		}
	}
	if len(dark) == len(c.Added) {
		return skipped("the licences of %s cannot be found out: they are not installed", few(dark))
	}
	m, err := counted(bad, fmt.Sprintf("the licences of %d new dependencies are allowed", len(c.Added)-len(dark)), "licences that are not allowed")
	if len(dark) > 0 {
		m.Message += "; not found out: " + few(dark)
	}
	return m, err
}

// licenceOf returns the licence of a dependency by what is installed; nothing if that
// does not tell.
func licenceOf(d deps.Dep, roots []fs.FS) string {
	for _, root := range roots {
		if id, ok := deps.Licence(root, d); ok {
			return id
		}
	}
	return ""
}

// allowed reports whether one may use what comes under a licence, by its expression.
func allowed(expression string, licences []string) bool {
	expression = strings.Trim(expression, "() ")
	if one, other, ok := strings.Cut(expression, " OR "); ok {
		return allowed(one, licences) || allowed(other, licences)
	}
	if one, other, ok := strings.Cut(expression, " AND "); ok {
		return allowed(one, licences) && allowed(other, licences)
	}
	return slices.Contains(licences, strings.TrimSuffix(expression, "+"))
}
