package deps

import (
	"cmp"
	"regexp"
	"strings"
)

// pep440 is a version of Python packages: epoch, release, pre, post, dev, local
// (https://peps.python.org/pep-0440/#appendix-b-parsing-version-strings-with-regular-expressions,
// written anew).
var pep440 = regexp.MustCompile(`^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[._-]?(a|alpha|b|beta|c|rc|pre|preview)[._-]?(\d*))?((?:-(\d+))|(?:[._-]?(?:post|rev|r)[._-]?(\d*)))?([._-]?dev[._-]?(\d*))?(?:\+([a-z0-9._-]+))?$`)

// comparePEP440 compares versions of Python packages. What is no such version comes
// before all that are. Local versions come after the same one without.
func comparePEP440(a, b string) int {
	x, y := pep440.FindStringSubmatch(strings.ToLower(strings.TrimSpace(a))), pep440.FindStringSubmatch(strings.ToLower(strings.TrimSpace(b)))
	switch {
	case x == nil && y == nil:
		return cmp.Compare(a, b)
	case x == nil:
		return -1
	case y == nil:
		return 1
	}
	if c := compareNumbers(cmp.Or(x[1], "0"), cmp.Or(y[1], "0")); c != 0 {
		return c
	}
	p, q := strings.Split(x[2], "."), strings.Split(y[2], ".")
	for i := range max(len(p), len(q)) {
		if c := compareNumbers(at(p, i), at(q, i)); c != 0 {
			return c
		}
	}
	rankX, numberX := prePhase(x)
	rankY, numberY := prePhase(y)
	return cmp.Or(
		cmp.Compare(rankX, rankY), compareNumbers(numberX, numberY),
		compareOptional(x[5] != "", cmp.Or(x[6], x[7], "0"), y[5] != "", cmp.Or(y[6], y[7], "0"), 1),
		compareOptional(x[8] != "", cmp.Or(x[9], "0"), y[8] != "", cmp.Or(y[9], "0"), -1),
		compareBools(x[10] != "", y[10] != ""), compareParts(parts(x[10]), parts(y[10]), gemWeight),
	)
}

// prePhase ranks where a version stands before its release: a development of it, alpha,
// beta, candidate, released.
func prePhase(m []string) (rank int, number string) {
	number = cmp.Or(m[4], "0")
	switch m[3] {
	case "a", "alpha":
		return 1, number
	case "b", "beta":
		return 2, number
	case "c", "rc", "pre", "preview":
		return 3, number
	}
	if m[5] == "" && m[8] != "" {
		return 0, "0"
	}
	return 4, "0"
}

// compareOptional compares two numbers that may be missing; one that is there makes a
// version later (sign 1) or earlier (-1).
func compareOptional(hasA bool, a string, hasB bool, b string, sign int) int {
	if hasA && hasB {
		return compareNumbers(a, b)
	}
	return sign * compareBools(hasA, hasB)
}
