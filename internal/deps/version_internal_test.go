package deps

import (
	"strings"
	"testing"
)

// Each line is versions in order; those joined by = are the same.
var ordered = map[string][]string{
	Go:        {"v0.0.0-20200101000000-abcdef012345 v0.1.0 v1.0.0-rc.1 v1.0.0 v1.2.0 v1.10.0 v2.0.0+incompatible"},
	NPM:       {"1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0=1.0=v1.0.0+build 1.0.1 99999999999999999999.0.0"},
	Crates:    {"0.9.9 0.10.0 1.0.0-pre 1.0.0"},
	PyPI:      {"1.0.dev1 1.0a1.dev1 1.0a1 1.0a2 1.0b1 1.0rc1=1.0c1 1.0=1.0.0=v1.0 1.0+local 1.0.post1.dev1 1.0.post1=1.0-1 1.1 1.10 1!0.1"},
	Maven:     {"1.0-alpha-1 1.0-beta 1.0-milestone1=1.0-m1 1.0-rc1=1.0-cr1 1.0-SNAPSHOT 1.0=1.0.0=1.0.Final=1.0-ga 1.0-sp 1.0.1 1.2 1.10 32.0.0-jre=32.0.0-android"},
	RubyGems:  {"1.0.0.pre 1.0.0.rc1 1.0.0=1.0 1.0.1 1.10"},
	Packagist: {"1.0.0-alpha1 1.0.0-beta1 1.0.0-RC1 v1.0.0=1.0.0 1.0.1 2.0"},
}

func TestVersions(t *testing.T) {
	for ecosystem, lines := range ordered {
		for _, line := range lines {
			var all [][]string
			for _, group := range strings.Fields(line) {
				all = append(all, strings.Split(group, "="))
			}
			for i, a := range all {
				for j, b := range all {
					for _, x := range a {
						for _, y := range b {
							want := min(1, max(-1, i-j))
							if got := min(1, max(-1, compareVersions(ecosystem, x, y))); got != want {
								t.Errorf("%s: %s to %s compares as %d, want %d", ecosystem, x, y, got, want)
							}
						}
					}
				}
			}
		}
	}
}

// Whatever versions are, comparing them is fair: turned round it is the opposite.
func FuzzVersions(f *testing.F) {
	for ecosystem, lines := range ordered {
		words := strings.Fields(lines[0])
		f.Add(ecosystem, words[0], words[1])
	}
	f.Fuzz(func(t *testing.T, ecosystem, a, b string) {
		x, y := compareVersions(ecosystem, a, b), compareVersions(ecosystem, b, a)
		if min(1, max(-1, x)) != -min(1, max(-1, y)) || compareVersions(ecosystem, a, a) != 0 {
			t.Errorf("%s: %q to %q is %d, and %d the other way", ecosystem, a, b, x, y)
		}
	})
}

// The scores are those of the specification's own examples and calculator.
func TestCVSS(t *testing.T) {
	for vector, want := range map[string]float64{
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H": 9.8,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H": 10,
		"CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N": 6.1,
		"CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N": 1.8,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N": 0,
	} {
		if got, ok := cvss3(vector); !ok || got != want {
			t.Errorf("%s comes to %v, %v; want %v", vector, got, ok, want)
		}
	}
	for _, vector := range []string{"", "CVSS:4.0/AV:N", "CVSS:3.1/AV:N", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "7.5"} {
		if _, ok := cvss3(vector); ok {
			t.Errorf("%q has a score", vector)
		}
	}
}
