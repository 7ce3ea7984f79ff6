package gate

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// compliance counts what a change does against the rules of the repository: files that
// are protected, and headers that all others of a kind have.
func compliance(ctx context.Context, f *Facts) (Measured, error) {
	base, head, err := f.both(ctx)
	if err != nil {
		return Measured{}, err
	}
	var places []string
	for _, file := range f.changed.Files {
		if file.Status != Added && f.protected(file.Old) {
			places = append(places, fmt.Sprintf("%s: is protected and was %s: put it back as it was", file.Old, file.Status))
		}
		if file.Status == Modified || file.Status == Renamed {
			if headed(content(base, file.Old)) && !headed(content(head, file.Path)) && slices.Contains(code, path.Ext(file.Path)) {
				places = append(places, file.Path+": its licence header is gone: put it back")
			}
		}
	}
	bare, err := f.unheaded(base, head)
	places = append(places, bare...)
	m, _ := counted(places, "no protected file was touched, and no licence header is missing", "rules of the repository that are broken")
	return m, err
}

// protected reports whether a file is to be left alone. One that the task names is not.
func (f *Facts) protected(p string) bool {
	if wholeWord(f.Task, path.Base(p)) {
		return false
	}
	return slices.ContainsFunc(f.policy.Protected, func(pattern string) bool {
		inAll, _ := path.Match(pattern, p)
		inName, _ := path.Match(pattern, path.Base(p))
		return inAll || inName && !strings.Contains(pattern, "/")
	})
}

var header = regexp.MustCompile(`(?i)SPDX-License-Identifier|copyright\s+(?:\(c\)|©|\d{4}|the\b)|licensed under`)

// headed reports whether a file says in its first lines who may do what with it.
func headed(data []byte) bool { return header.Match(data[:min(len(data), 1000)]) }

// Of how many files of a kind, and of which part of them, a custom is made.
const (
	sample = 40
	fewest = 5
	custom = 0.9
)

// unheaded returns the new files without the licence header that others of their kind
// have.
func (f *Facts) unheaded(base, head Tree) ([]string, error) {
	var places []string
	customs := map[string]bool{}
	for _, file := range f.changed.Files {
		ext := path.Ext(file.Path)
		data := content(head, file.Path)
		if file.Status != Added || !slices.Contains(code, ext) || headed(data) || len(data) == 0 || isGenerated(data) {
			continue
		}
		is, known := customs[ext]
		if !known {
			var err error
			if is, err = headersAreCustom(base, ext); err != nil {
				return nil, err
			}
			customs[ext] = is
		}
		if is {
			places = append(places, fmt.Sprintf("%s: has no licence header, as other %s files have: add it", file.Path, ext))
		}
	}
	return places, nil
}

// headersAreCustom reports whether nearly all files with the ending have a header.
func headersAreCustom(base Tree, ext string) (bool, error) {
	var paths []string
	err := fs.WalkDir(base, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && path.Ext(p) == ext && !under(p, "vendor", "node_modules", "testdata") {
			paths = append(paths, p)
		}
		if len(paths) == sample {
			return fs.SkipAll
		}
		return err
	})
	if err != nil || len(paths) < fewest {
		return false, err
	}
	if err := base.Fetch(paths...); err != nil {
		return false, err
	}
	n := 0
	for _, p := range paths {
		if headed(content(base, p)) {
			n++
		}
	}
	return float64(n) >= custom*float64(len(paths)), nil
}
