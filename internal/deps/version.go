package deps

import (
	"cmp"
	"strings"
)

// compareVersions compares two versions as their ecosystem orders them: negative if a is
// before b.
//
// Go, npm, crates.io: semantic versioning 2.0. PyPI: PEP 440. Approximate are Maven
// (known qualifiers are in order, others are compared as text, and a dot is as good as a
// hyphen), RubyGems (as Gem::Version, without its shorthands), and Packagist (as Maven,
// with Composer's stabilities).
func compareVersions(ecosystem, a, b string) int {
	switch ecosystem {
	case Go, NPM, Crates:
		return compareSemver(a, b)
	case PyPI:
		return comparePEP440(a, b)
	case RubyGems:
		return compareParts(parts(a), parts(b), gemWeight)
	}
	return compareParts(parts(a), parts(b), mavenWeight)
}

// compareSemver follows https://semver.org/#spec-item-11; missing numbers are 0, and a
// leading v and build metadata do not count.
func compareSemver(a, b string) int {
	x, pa := cutSemver(a)
	y, pb := cutSemver(b)
	for i := range max(len(x), len(y)) {
		if c := compareNumbers(at(x, i), at(y, i)); c != 0 {
			return c
		}
	}
	switch {
	case pa == pb:
		return 0
	case pa == "":
		return 1
	case pb == "":
		return -1
	}
	p, q := strings.Split(pa, "."), strings.Split(pb, ".")
	for i := range min(len(p), len(q)) {
		if c := compareIdentifiers(p[i], q[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(p), len(q))
}

func cutSemver(v string) (numbers []string, pre string) {
	v = strings.TrimLeft(strings.TrimSpace(v), "v=")
	v, _, _ = strings.Cut(v, "+")
	v, pre, _ = strings.Cut(v, "-")
	return strings.Split(v, "."), pre
}

// at returns the i-th number, or 0 if there are fewer.
func at(numbers []string, i int) string {
	if i < len(numbers) && numbers[i] != "" {
		return numbers[i]
	}
	return "0"
}

func compareIdentifiers(a, b string) int {
	switch x, y := numeric(a), numeric(b); {
	case x && y:
		return compareNumbers(a, b)
	case x:
		return -1
	case y:
		return 1
	}
	return cmp.Compare(a, b)
}

// compareNumbers compares numbers of any length; what is no number comes before.
func compareNumbers(a, b string) int {
	if x, y := numeric(a), numeric(b); !x || !y {
		return cmp.Or(compareBools(x, y), cmp.Compare(a, b))
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func numeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// parts cuts a version where signs stand and where digits meet letters.
func parts(v string) []string {
	v = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(v), "v"))
	var all []string
	start := 0
	for i := range len(v) + 1 {
		sign := i < len(v) && strings.ContainsRune(".-_+", rune(v[i]))
		if i == len(v) || sign || i > start && isDigit(v[i]) != isDigit(v[i-1]) {
			if i > start {
				all = append(all, v[start:i])
			}
			start = i
			if sign {
				start++
			}
		}
	}
	return all
}

func isDigit(c byte) bool {
	return '0' <= c && c <= '9'
}

// compareParts compares part by part, by weight if one of them is a word; what is missing
// is like a 0. Words that have no weight of their own are compared as text.
func compareParts(a, b []string, weight func(string) int) int {
	for i := range max(len(a), len(b)) {
		x, y := at(a, i), at(b, i)
		c := cmp.Compare(weight(x), weight(y))
		if numeric(x) && numeric(y) {
			c = compareNumbers(x, y)
		} else if c == 0 && weight(x) == weight("?") {
			c = cmp.Compare(x, y)
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// mavenWeight orders qualifiers around the release
// (https://maven.apache.org/pom.html#version-order-specification).
func mavenWeight(part string) int {
	switch part {
	case "dev":
		return -7
	case "alpha", "a":
		return -6
	case "beta", "b":
		return -5
	case "milestone", "m":
		return -4
	case "rc", "cr":
		return -3
	case "snapshot":
		return -2
	case "", "ga", "final", "release", "jre", "android":
		return 0
	case "sp", "patch", "p", "pl":
		return 1
	}
	if numeric(part) {
		if strings.Trim(part, "0") == "" {
			return 0
		}
		return 3
	}
	return 2
}

// gemWeight makes words come before numbers: they mark what is not released yet.
func gemWeight(part string) int {
	if numeric(part) {
		return 0
	}
	return -1
}
