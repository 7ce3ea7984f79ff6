package effect

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// How far links are followed, and how many more paths that may lead to.
const (
	mostSteps = 3
	mostPaths = 1000
)

// Through returns the files, and each of them once more at every path by which links of
// the repository lead to it: who changes what a link leads to changes what is read there.
// Links are the texts of their targets by their paths.
func Through(files []File, links map[string]string) []File {
	all := slices.Clone(files)
	seen := map[string]bool{}
	from := 0
	for range mostSteps {
		step := all[from:]
		from = len(all)
		for _, at := range slices.Sorted(maps.Keys(links)) {
			target := path.Join(path.Dir(at), links[at])
			for _, f := range step {
				rest, within := strings.CutPrefix(f.Path+"/", target+"/")
				if !within || len(all)-len(files) == mostPaths {
					continue
				}
				if p := path.Join(at, rest); !seen[p] {
					seen[p] = true
					all = append(all, File{Path: p})
				}
			}
		}
	}
	return all
}
