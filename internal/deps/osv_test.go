package deps_test

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"autonoma"
	"autonoma/internal/deps"
)

const (
	goAdvisory = `{"id": "GO-2024-1", "summary": "it hangs", "affected": [{"package": {"ecosystem": "Go", "name": "example.org/a"},
		"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.3"}, {"introduced": "1.3.0"}, {"fixed": "1.3.2"}]}]}]}`
	withdrawn = `{"id": "GO-2024-2", "withdrawn": "2024-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Go", "name": "example.org/a"},
		"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]}`
	pyAdvisory = `{"id": "PYSEC-1", "details": "it leaks\nmore", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
		"affected": [{"package": {"ecosystem": "PyPI", "name": "My_Package"},
		"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}, {"type": "ECOSYSTEM", "events": [{"introduced": "2.0"}, {"last_affected": "2.4"}]}], "versions": ["1.0", "1.1.0"]}]}`
	npmAdvisory = `{"id": "GHSA-1", "summary": "it breaks out", "database_specific": {"severity": "MODERATE"}, "affected": [{"package": {"ecosystem": "npm", "name": "@s/a"},
		"ranges": [{"type": "SEMVER", "events": [{"fixed": "2.0.0-rc.2"}, {"introduced": "1.0.0"}]}]}]}`
	malware = `{"id": "MAL-2024-1", "summary": "it steals", "affected": [{"package": {"ecosystem": "npm", "name": "bad"}, "versions": ["1.0.0"]}]}`
)

func zipped(t *testing.T, file string, records map[string]string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for name, text := range records {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

func openOSV(t *testing.T, dir string) *deps.OSV {
	t.Helper()
	o, err := deps.OpenOSV(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// The advisories lie as osv.dev publishes them, and as files; versions decide.
func TestMatch(t *testing.T) {
	dir := t.TempDir()
	zipped(t, filepath.Join(dir, "Go", "all.zip"), map[string]string{"GO-2024-1.json": goAdvisory, "GO-2024-2.json": withdrawn, "README.md": "no record"})
	write(t, dir, map[string]string{"PyPI/PYSEC-1.json": pyAdvisory, "GHSA-1.json": npmAdvisory, "npm/MAL-2024-1.json": malware})
	o := openOSV(t, dir)
	for _, tt := range []struct {
		ecosystem, name, version, want string
	}{
		{deps.Go, "example.org/a", "v1.2.2", "GO-2024-1: it hangs, fixed in 1.2.3 (high)"},
		{deps.Go, "example.org/a", "v1.2.3-rc.1", "GO-2024-1: it hangs, fixed in 1.2.3 (high)"},
		{deps.Go, "example.org/a", "v1.2.3", ""},
		{deps.Go, "example.org/a", "v1.2.10", ""},
		{deps.Go, "example.org/a", "v1.3.1", "GO-2024-1: it hangs, fixed in 1.3.2 (high)"},
		{deps.Go, "example.org/a", "v1.3.2", ""},
		{deps.Go, "example.org/a", "", ""},
		{deps.Go, "example.org/b", "v1.0.0", ""},
		{deps.PyPI, "my-package", "2.4", "PYSEC-1: it leaks, fixed in  (critical)"},
		{deps.PyPI, "my-package", "2.4.post1", ""},
		{deps.PyPI, "my-package", "1.1", "PYSEC-1: it leaks, fixed in  (critical)"},
		{deps.PyPI, "my-package", "1.2", ""},
		{deps.NPM, "@s/a", "2.0.0-rc.1", "GHSA-1: it breaks out, fixed in 2.0.0-rc.2 (medium)"},
		{deps.NPM, "@s/a", "2.0.0", ""},
		{deps.NPM, "@s/a", "0.9.0", ""},
		{deps.NPM, "bad", "1.0.0", "MAL-2024-1: it steals, fixed in  (critical)"},
	} {
		found, err := o.Match(deps.Dep{Ecosystem: tt.ecosystem, Name: tt.name, Version: tt.version})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range found {
			got += fmt.Sprintf("%s: %s, fixed in %s (%s)", a.ID, a.Summary, a.Fixed, a.Risk)
		}
		if got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.name, tt.version, got, tt.want)
		}
	}
	for ecosystem, want := range map[string]bool{deps.Go: true, deps.NPM: true, deps.PyPI: true, deps.Maven: false} {
		if got, err := o.Covers(ecosystem); err != nil || got != want {
			t.Errorf("%s is covered: %v, %v", ecosystem, got, err)
		}
	}
}

// Advisories that cannot be read are an error, for they may be the ones that matter.
func TestBrokenAdvisories(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"Go/all.zip": "no zip", "PyPI/a.json": "{"})
	o := openOSV(t, dir)
	for _, ecosystem := range []string{deps.Go, deps.PyPI} {
		if found, err := o.Match(deps.Dep{Ecosystem: ecosystem, Name: "a", Version: "1.0.0"}); err == nil {
			t.Errorf("%s: %v and no error", ecosystem, found)
		}
	}
	if _, err := deps.OpenOSV(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a directory that is not there was opened")
	}
}

// Several may ask at once.
func TestMatchAtOnce(t *testing.T) {
	dir := t.TempDir()
	zipped(t, filepath.Join(dir, "Go.zip"), map[string]string{"a.json": goAdvisory})
	o := openOSV(t, dir)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			found, err := o.Match(deps.Dep{Ecosystem: deps.Go, Name: "example.org/a", Version: "v1.0.0"})
			if err != nil || len(found) != 1 || found[0].Risk != autonoma.HighRisk {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
	wg.Wait()
}
